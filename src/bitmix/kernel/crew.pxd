"""Threads without Python, in c/crew.h."""

ctypedef void (*Work)(void *what, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil


cdef class Crew:
    cdef void *crew
    cdef readonly int threads

    cdef void run(self, Work work, void *what, Py_ssize_t n, Py_ssize_t grain) noexcept nogil
