"""Arrays for the kernel: aligned, and able to grow."""

import numpy as np


def aligned(shape, dtype) -> np.ndarray:
    """Return zeros on a 64-byte boundary, so that no vector straddles two cache lines."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def grown(arrays: dict[str, np.ndarray], name: str, shape, dtype, fill=0) -> np.ndarray:
    """Return a new array that begins with the last array of that name, and remember it.

    Parameters
    ----------
    arrays : dict
        The arrays by name. INOUT.
    name, shape, dtype
        Of the new array, at least as large as the last.
    fill : number
        The value of new items.
    """
    old = arrays.get(name)
    new = arrays[name] = aligned(shape, dtype)
    new[...] = fill
    if old is not None:
        new[tuple(slice(n) for n in old.shape)] = old
    return new
