"""Random draws from the doubles of the caller's BitGenerator."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t
from numpy.random cimport bitgen_t


cdef inline bitgen_t *bitgen_of(bit_generator) except NULL:
    return <bitgen_t *>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")


cdef inline double uniform(bitgen_t *rng) noexcept nogil:
    """Draw from [0, 1)."""
    return rng.next_double(rng.state)


cdef inline Py_ssize_t below(bitgen_t *rng, Py_ssize_t n) noexcept nogil:
    """Draw uniformly from 0..n-1 with one double. The bias is below n / 2**53."""
    return <Py_ssize_t>(uniform(rng) * <double>n)


cdef inline void permute(bitgen_t *rng, int32_t[::1] order) noexcept nogil:
    """Fill `order`, OUT (n,), with a uniform permutation of 0..n-1 (Fisher and Yates)."""
    cdef Py_ssize_t i, j
    for i in range(order.shape[0]):
        order[i] = <int32_t>i
    for i in range(order.shape[0] - 1, 0, -1):
        j = below(rng, i + 1)
        order[i], order[j] = order[j], order[i]
