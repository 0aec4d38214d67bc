"""Bytes that may be compressed with gzip. A few can uncompress to gigabytes."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from functools import partial
from typing import IO

from bitmix.data.errors import DataError

_START = b"\x1f\x8b"
_PIECE = 1 << 20


def is_gzipped(file: IO[bytes]) -> bool:
    """Return whether a file is compressed; its place is the beginning then.

    Some browsers uncompress a file but keep its suffix .gz.
    """
    start = file.read(len(_START))
    file.seek(0)
    return start == _START


def length(file: IO[bytes]) -> int:
    """Return how many bytes an open file has uncompressed.

    Compressed ones are verified, piece by piece. The place of the file is then the beginning.
    """
    if not isinstance(file, gzip.GzipFile):
        return os.fstat(file.fileno()).st_size
    size = sum(map(len, iter(partial(file.read, _PIECE), b"")))
    file.seek(0)
    return size


def uncompressed(content: bytes, where: object, most: int) -> bytes:
    """Return `content` uncompressed; DataError if that is damaged or more than `most` bytes."""
    file = io.BytesIO(content)
    if not is_gzipped(file):
        return content
    pieces, size = [], 0
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            while size <= most and (piece := stream.read(_PIECE)):
                pieces.append(piece)
                size += len(piece)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{where} is damaged: {error}") from error
    if size > most:
        raise DataError(f"{where} uncompresses to more than {most:,} bytes; do not trust this file")
    return b"".join(pieces)
