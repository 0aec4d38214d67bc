/* Threads that share the work of one loop after another. */
#ifndef BITMIX_CREW_H
#define BITMIX_CREW_H

#include <stddef.h>

typedef struct bitmix_crew bitmix_crew;

/* What the threads do: parts first to past - 1 of the work. `thread` is 0 for the caller. */
typedef void (*bitmix_work)(void *what, ptrdiff_t first, ptrdiff_t past, int thread);

/* Start threads - 1 threads, or as many as the system allows; NULL if memory is short. */
bitmix_crew *bitmix_crew_start(int threads);

/* Do parts 0 to n - 1, about `grain` at a time, in all threads and this one; return when all are
 * done. One loop at a time, from one thread. */
void bitmix_crew_run(bitmix_crew *crew, bitmix_work work, void *what, ptrdiff_t n, ptrdiff_t grain);

/* End the threads. */
void bitmix_crew_end(bitmix_crew *crew);

#endif
