"""Reading the user's files."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.data.gzipped import is_gzipped, length
from bitmix.data.npy import MAGIC, read_header, read_npy, read_npz
from bitmix.data.sparse import as_csr, as_ones, find_wrong_cell

Labels = Sequence[int | str]
Shape = Sequence[int]
Loaded = tuple[Dataset, np.ndarray | None]

_SAVE_NPZ = {"data", "format", "shape"}  # arrays of a file of scipy.sparse.save_npz
RELATIVE = "a path in the configuration starts from the folder of the Snakefile"
_LONGEST_LINE = 1 << 22  # bytes: two million cells


@contextmanager
def opened(path: PathLike) -> Iterator[IO[bytes]]:
    """Open a file, plain or .gz; errors while it is read become DataError."""
    try:
        with Path(path).expanduser().open("rb") as file:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_gzipped(file) else file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror or error}); {RELATIVE}") from error


def begins_with(file: IO[bytes], start: bytes) -> bool:
    """Return whether a file begins with some bytes; its place is the beginning then."""
    found = file.read(len(start))
    file.seek(0)
    return found == start


def text_lines(file: IO[bytes], path: PathLike) -> Iterator[str]:
    """Yield the lines of a text in UTF-8, with their ends, one after the other.

    Raises
    ------
    DataError
        If a line is no text, or too long.
    """
    lines = iter(lambda: file.readline(_LONGEST_LINE + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE:
            raise DataError(
                f"{path}, line {number}: longer than {_LONGEST_LINE:,} bytes; is it a table?"
            )
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: not text in UTF-8 ({error}); save it as CSV, UTF-8"
            ) from error
        if "\0" in text:
            raise DataError(
                f"{path}, line {number}: a NUL byte, which text has not; save it as CSV again"
            )
        # A line may end in \r alone.
        yield from io.StringIO(text, newline="") if "\r" in text else (text,)


def read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz, or the array of an .npy or a sparse matrix as `x`.

    An .npy that is not compressed is memory-mapped.
    """
    try:
        with opened(path) as file:
            if begins_with(file, MAGIC):
                return {"x": _read_npy(file, path)}
            if isinstance(file, gzip.GzipFile):
                raise ValueError("uncompress it first")
            arrays = read_npz(file)
            file.seek(0)
            return {"x": _sparse_rows(file)} if arrays.keys() >= _SAVE_NPZ else arrays
    except ValueError as error:
        raise DataError(
            f"{path} is not a whole .npy or .npz of numbers ({error}); "
            "save it again with numpy.save or numpy.savez"
        ) from error


def _read_npy(file: IO[bytes], path: PathLike) -> np.ndarray:
    size = length(file)
    if isinstance(file, gzip.GzipFile):
        return read_npy(file, size)
    dtype, shape, order = read_header(file, size)
    return np.memmap(Path(path).expanduser(), dtype, "r", file.tell(), shape, order)


def _sparse_rows(file: IO[bytes]) -> np.ndarray:
    """Return the matrix that scipy.sparse.save_npz wrote as an array, uint8 if it is binary."""
    from scipy import sparse  # slow to import, and used only here

    try:
        x = sparse.load_npz(file)
        if hasattr(x, "check_format"):
            # SciPy trusts indices, and writes where they say. It does not check them if the last of
            # `indptr` is zero.
            x.check_format(full_check=True)
            if (np.diff(x.indptr) < 0).any():
                raise ValueError("indptr decreases")
        x = as_csr(x)
        return (as_ones(x) if find_wrong_cell(x) is None else x).toarray()
    # Hostile arrays can make SciPy raise any exception.
    except Exception as error:
        raise ValueError(f"no sparse matrix: {error}") from error


def checked_shape(shape: Shape | None, features: int, path: PathLike) -> tuple[int, int] | None:
    """Return an image shape that fits the number of features."""
    if shape is None:
        return None
    if shape[0] * shape[1] != features:
        raise DataError(
            f"{path} has {features} features a row, which do not fit image_shape "
            f"{list(shape)}; correct it or leave it out"
        )
    return int(shape[0]), int(shape[1])
