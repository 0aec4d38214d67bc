#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* How often a thread looks for work before it sleeps: some 20 us, as long as the caller needs
 * between two loops. To wake a thread takes as long. */
enum { LOOKS = 1000 };

typedef struct {
    bitmix_crew *crew;
    pthread_t thread;
    int number;
} member;

struct bitmix_crew {
    bitmix_work work;
    void *what;
    ptrdiff_t n, grain;
    /* A thread that lowers `left` from a positive number has taken a piece of the loop, and may then
     * read what is above. A thread that comes late finds no piece, or one of the next loop. */
    _Atomic ptrdiff_t left, done;
    _Atomic int over, asleep;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    int members;
    member member[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Do pieces of the loop until none is left. */
static void share(bitmix_crew *crew, int number)
{
    ptrdiff_t piece;
    while (atomic_load(&crew->left) > 0 && (piece = atomic_fetch_sub(&crew->left, 1)) > 0) {
        const ptrdiff_t past = crew->n - (piece - 1) * crew->grain;
        const ptrdiff_t first = past > crew->grain ? past - crew->grain : 0;
        crew->work(crew->what, first, past, number);
        atomic_fetch_add(&crew->done, 1);
    }
}

static int idle(bitmix_crew *crew) { return atomic_load(&crew->left) <= 0 && !atomic_load(&crew->over); }

static void *live(void *argument)
{
    const member *self = argument;
    bitmix_crew *crew = self->crew;
    while (!atomic_load(&crew->over)) {
        for (int look = 0; look < LOOKS && idle(crew); look++)
            pause_briefly();
        if (idle(crew)) {
            pthread_mutex_lock(&crew->mutex);
            atomic_fetch_add(&crew->asleep, 1);
            while (idle(crew))
                pthread_cond_wait(&crew->more, &crew->mutex);
            atomic_fetch_sub(&crew->asleep, 1);
            pthread_mutex_unlock(&crew->mutex);
        }
        share(crew, self->number);
    }
    return NULL;
}

static void wake(bitmix_crew *crew)
{
    if (atomic_load(&crew->asleep)) {
        pthread_mutex_lock(&crew->mutex);
        pthread_cond_broadcast(&crew->more);
        pthread_mutex_unlock(&crew->mutex);
    }
}

bitmix_crew *bitmix_crew_start(int threads)
{
    bitmix_crew *crew = calloc(1, sizeof *crew + (size_t)threads * sizeof(member));
    if (!crew)
        return NULL;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->more, NULL);
    /* Signals, such as Ctrl-C, are for the threads of the program. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew->members + 1 < threads) {
        member *next = &crew->member[crew->members];
        next->crew = crew;
        next->number = crew->members + 1;
        if (pthread_create(&next->thread, NULL, live, next))
            break;
        crew->members++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return crew;
}

void bitmix_crew_run(bitmix_crew *crew, bitmix_work work, void *what, ptrdiff_t n, ptrdiff_t grain)
{
    const ptrdiff_t pieces = (n + grain - 1) / grain;
    crew->work = work;
    crew->what = what;
    crew->n = n;
    crew->grain = grain;
    atomic_store(&crew->done, 0);
    atomic_store(&crew->left, pieces);
    wake(crew);
    share(crew, 0);
    for (int look = 0; atomic_load(&crew->done) < pieces; look++)
        if (look < LOOKS)
            pause_briefly();
        else
            sched_yield(); /* others need the cores */
}

void bitmix_crew_end(bitmix_crew *crew)
{
    atomic_store(&crew->over, 1);
    wake(crew);
    for (int i = 0; i < crew->members; i++)
        pthread_join(crew->member[i].thread, NULL);
    pthread_cond_destroy(&crew->more);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}
