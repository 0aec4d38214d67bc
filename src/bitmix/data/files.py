"""Reading the user's files."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.data.idx import uncompressed
from bitmix.data.sparse import as_csr, as_ones, find_wrong_cell

Labels = Sequence[int | str]
Shape = Sequence[int]
Loaded = tuple[Dataset, np.ndarray | None]

_SAVE_NPZ = {"data", "format", "shape"}  # arrays of a file of scipy.sparse.save_npz
RELATIVE = "a path in the configuration starts from the folder of the Snakefile"


def read_bytes(path: PathLike) -> bytes:
    """Return the contents of a file, plain or .gz."""
    try:
        return uncompressed(Path(path).expanduser().read_bytes(), path)
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); {RELATIVE}") from error


def read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz, or the array of an .npy or a sparse matrix as `x`.

    An .npy that is not compressed is memory-mapped.
    """
    try:
        if _begins_with(path, b"\x93NUMPY"):
            return {"x": np.load(Path(path).expanduser(), mmap_mode="r", allow_pickle=False)}
        content = read_bytes(path)
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        if set(loaded) >= _SAVE_NPZ:
            return {"x": _sparse_rows(content)}
        return dict(loaded.items())
    except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole .npy or .npz of numbers ({error}); "
            "save it again with numpy.save or numpy.savez"
        ) from error


def _begins_with(path: PathLike, start: bytes) -> bool:
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False  # `read_bytes` says why


def _sparse_rows(content: bytes) -> np.ndarray:
    """Return the matrix that scipy.sparse.save_npz wrote as an array, uint8 if it is binary."""
    from scipy import sparse  # slow to import, and used only here

    x = as_csr(sparse.load_npz(io.BytesIO(content)))
    return (as_ones(x) if find_wrong_cell(x) is None else x).toarray()


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
