/* The number of the fault that this process has, 0 for none. Each library has a copy. A process that
 * forks after it has set BITMIX_MUTANT gives its child the fault. */
#include <pthread.h>
#include <stdlib.h>

static int mutant;

static void choose_mutant(void)
{
    const char *number = getenv("BITMIX_MUTANT");
    mutant = number ? atoi(number) : 0;
}

__attribute__((constructor, unused)) static void follow_forks(void)
{
    choose_mutant();
    pthread_atfork(NULL, NULL, choose_mutant);
}
