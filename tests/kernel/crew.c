/* Loops of a crew: each part is done once before a loop returns. Built with -fsanitize=thread. */
#include "crew.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PARTS = 1000, LOOPS = 300 };

static int done[PARTS];

static void work(void *what, ptrdiff_t first, ptrdiff_t past, int thread)
{
    (void)thread;
    for (ptrdiff_t i = first; i < past; i++)
        ((int *)what)[i]++;
}

int main(void)
{
    for (int threads = 1; threads <= 8; threads++) {
        bitmix_crew *crew = bitmix_crew_start(threads);
        for (int loop = 0; loop < LOOPS; loop++) {
            const ptrdiff_t n = loop * 7 % (PARTS + 1), grain = loop % 5 + 1;
            memset(done, 0, sizeof done);
            bitmix_crew_run(crew, work, done, n, grain);
            for (ptrdiff_t i = 0; i < PARTS; i++)
                if (done[i] != (i < n)) {
                    fprintf(stderr, "%d threads: part %td of %td: %d\n", threads, i, n, done[i]);
                    return 1;
                }
            if (loop % 100 == 50)
                usleep(1000); /* the threads fall asleep */
        }
        bitmix_crew_end(crew);
    }
    return 0;
}
