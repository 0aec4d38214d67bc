"""IDX files, the format of MNIST."""

from __future__ import annotations

import math
from typing import IO

import numpy as np

from bitmix.data.errors import DataError
from bitmix.data.gzipped import length

_START = b"\0\0\x08"  # of a file of unsigned bytes
_MOST_DIMENSIONS = 4
_LONGEST_HEADER = 4 + 4 * _MOST_DIMENSIONS


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Return the array in an IDX file of unsigned bytes (the format of MNIST's files).

    The file has two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, then the values, last index fastest.

    Raises
    ------
    DataError
        If `content` is not such a file. The message mentions `name`.
    """
    shape = _shape(content[:_LONGEST_HEADER], len(content), name)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read_idx(file: IO[bytes], name: str) -> np.ndarray:
    """Return the array in an open IDX file, plain or .gz; see `parse_idx`.

    Values are read only if the file has as many as its header says.
    """
    header = file.read(_LONGEST_HEADER)
    file.seek(0)
    if header.startswith(_START):
        _shape(header, length(file), name)
        header = file.read()
    return parse_idx(header, name)


def _shape(header: bytes, size: int, name: str) -> list[int]:
    """Return the shape in the header of a file of `size` bytes."""
    if len(header) < 4 or not header.startswith(_START):
        raise DataError(f"{name} is not an IDX file of unsigned bytes: it begins {header[:4]!r}")
    dimensions = header[3]
    if dimensions > _MOST_DIMENSIONS:
        raise DataError(f"{name} has {dimensions} dimensions, images have 3 and labels 1")
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(header[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + math.prod(shape)
    if size != expected:
        raise DataError(f"{name} has {size} bytes, but its header says {expected}")
    if not all(shape):
        raise DataError(f"{name} has the shape {tuple(shape)}, in which there are no values")
    return shape
