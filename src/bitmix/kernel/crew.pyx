"""Threads without Python, for the loops of one move."""

cdef extern from "crew.h" nogil:
    void *bitmix_crew_start(int)
    void bitmix_crew_run(void *, Work, void *, Py_ssize_t, Py_ssize_t)
    void bitmix_crew_end(void *)


cdef class Crew:
    """Threads that share the work of one loop after another.

    They end with this object. A move makes it for itself, so that no thread outlives the move: the
    process may fork between moves.

    Parameters
    ----------
    threads : int
        Their number, the caller's thread included. Where the system does not allow so many, the
        others do the work.
    """

    def __cinit__(self, int threads):
        self.threads = threads
        self.crew = bitmix_crew_start(threads)
        if self.crew == NULL:
            raise MemoryError("no memory is left for threads: run with threads=1")

    def __dealloc__(self):
        if self.crew != NULL:
            bitmix_crew_end(self.crew)

    cdef void run(self, Work work, void *what, Py_ssize_t n, Py_ssize_t grain) noexcept nogil:
        """Do parts 0..n-1 of `work`, about `grain` at a time; see crew.h."""
        bitmix_crew_run(self.crew, work, what, n, grain)
