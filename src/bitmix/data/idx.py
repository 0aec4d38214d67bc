"""IDX files, the format of MNIST."""

from __future__ import annotations

import gzip
import zlib

import numpy as np

from bitmix.data.errors import DataError


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Return the array in an IDX file of unsigned bytes (the format of MNIST's files).

    The file has two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, then the values, last index fastest.

    Raises
    ------
    DataError
        If `content` is not such a file. The message mentions `name`.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise DataError(f"{name} is not an IDX file of unsigned bytes: it begins {content[:4]!r}")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(f"{name} has {len(content)} bytes, but its header says {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def uncompressed(content: bytes, where: object) -> bytes:
    """Return `content` uncompressed. Some browsers uncompress a file but keep its suffix .gz."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{where} is damaged: {error}") from error
