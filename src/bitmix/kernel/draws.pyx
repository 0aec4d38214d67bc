"""Random permutations and integers. NumPy promises the bits of a BitGenerator, but not these."""

import numpy as np


def permutation(bit_generator, Py_ssize_t n):
    """Return a uniform random permutation of 0..n-1, shape (n,) int32.

    Consumes n - 1 doubles.
    """
    cdef int32_t[::1] order = np.empty(n, np.int32)
    cdef bitgen_t *rng = bitgen_of(bit_generator)
    with bit_generator.lock, nogil:
        permute(rng, order)
    return np.asarray(order)


def integers(bit_generator, Py_ssize_t high, Py_ssize_t n):
    """Return `n` independent uniform draws from 0..high-1, shape (n,) int32.

    Consumes n doubles.
    """
    cdef int32_t[::1] draws = np.empty(n, np.int32)
    cdef bitgen_t *rng = bitgen_of(bit_generator)
    cdef Py_ssize_t i
    with bit_generator.lock, nogil:
        for i in range(n):
            draws[i] = <int32_t>below(rng, high)
    return np.asarray(draws)
