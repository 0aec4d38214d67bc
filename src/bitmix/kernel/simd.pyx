"""The choice of the instruction set, and the arithmetic of vecmath.h over arrays.

Only this module is linked with the C functions. The other modules take the table from here.
"""

import os

import numpy as np

cdef extern from "simd.h":
    const Simd *bitmix_simd_named(const char *)
    const Simd *bitmix_simd_best()

cdef const Simd *simd = bitmix_simd_best()


cdef const Simd *simd_in_use() noexcept nogil:
    return simd


def use_simd(name):
    """Choose the instruction set for all chains that start later. All give the same bits.

    Parameters
    ----------
    name : {"baseline", "v3", "v4"}
        On x86-64 SSE2, AVX2 or AVX-512. Elsewhere there is only "baseline".

    Raises
    ------
    ValueError
        If this build or this machine lacks the instruction set.
    """
    global simd
    cdef const Simd *level = bitmix_simd_named(name.encode())
    if level == NULL:
        raise ValueError(
            f"instruction set {name!r} is not available here; leave BITMIX_SIMD unset to use "
            f"{bitmix_simd_best().name.decode()!r}, the widest that this machine has"
        )
    simd = level


def simd_name():
    """Return the name of the instruction set in use."""
    return simd.name.decode()


if "BITMIX_SIMD" in os.environ:
    use_simd(os.environ["BITMIX_SIMD"])


def vecmath(name, x):
    """Return a function of each item of an array, with the same bits on every machine.

    Parameters
    ----------
    name : {"log_f32", "exp_f32", "log_f64", "exp_f64", "lgamma_f64"}
        The function, and whether it is of float32 or float64.
    x : array of one dimension

    Raises
    ------
    ValueError
        If there is no such function.
    """
    cdef Py_ssize_t n = padded(x.size)
    out = np.ones(n, np.float32 if name.endswith("f32") else np.float64)
    out[:x.size] = x
    cdef float[::1] singles = out if name.endswith("f32") else np.empty(1, np.float32)
    cdef double[::1] doubles = out if name.endswith("f64") else np.empty(1)
    if n == 0:
        return out
    if name == "log_f32":
        simd.array_log_f32(&singles[0], &singles[0], n)
    elif name == "exp_f32":
        simd.array_exp_f32(&singles[0], &singles[0], n)
    elif name == "log_f64":
        simd.array_log_f64(&doubles[0], &doubles[0], n)
    elif name == "exp_f64":
        simd.array_exp_f64(&doubles[0], &doubles[0], n)
    elif name == "lgamma_f64":
        simd.array_lgamma_f64(&doubles[0], &doubles[0], n)
    else:
        raise ValueError(f"no function {name!r} in vecmath.h")
    return out[:x.size]
