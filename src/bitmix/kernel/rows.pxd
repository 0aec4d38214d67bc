from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t


cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) noexcept nogil


cdef class Rows:
    cdef readonly tuple shape
    cdef readonly object active, never  # (A,), (D - A,)
    cdef int64_t[::1] start         # (N + 1,) where the entries of a row start in `on`
    cdef uint32_t[::1] on           # its features d that are on, then its missing ones as A + d
    cdef uint16_t[:, ::1] bits      # (N, P / 16) the former, one bit a feature
    cdef uint16_t[:, ::1] missing   # (N, P / 16) the latter, and the padding; or None

    cdef void prefetch(self, Py_ssize_t i) noexcept nogil
    cdef void _pack(
        self, Py_ssize_t first, const uint8_t[:, ::1] x, const uint32_t[::1] rank,
        const uint8_t[:, ::1] observed,
    ) noexcept nogil
