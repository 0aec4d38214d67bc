"""Arrays as text that the explorer can read."""

import base64
import gzip
from typing import Any

import numpy as np


def pack(array: np.ndarray) -> dict[str, Any]:
    """Return an array as builtins: its type and its bytes, compressed, in base64.

    Parameters
    ----------
    array : ndarray of float64, or of whole numbers from 0 to 2^32 - 1
        Whole numbers take the smallest type that holds them.
    """
    if array.dtype.kind != "f":
        array = array.astype(np.min_scalar_type(int(array.max(initial=0))))
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    compressed = gzip.compress(data, compresslevel=6, mtime=0)
    return {"type": array.dtype.name, "gzip": base64.b64encode(compressed).decode()}


def pack_bits(array: np.ndarray) -> dict[str, Any]:
    """Pack zeros and ones, shape (N, D), eight to a byte; each row begins with a new byte."""
    return pack(np.packbits(array, axis=1, bitorder="little"))
