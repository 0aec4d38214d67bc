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

Labels = Sequence[int | str]
Shape = Sequence[int]
Loaded = tuple[Dataset, np.ndarray | None]

RELATIVE = "a path in the configuration starts from the folder of the Snakefile"


def read_bytes(path: PathLike) -> bytes:
    """Return the contents of a file, plain or .gz."""
    try:
        return uncompressed(Path(path).expanduser().read_bytes(), path)
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); {RELATIVE}") from error


def read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz, or the array of an .npy as `x`."""
    try:
        loaded = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
        return {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded.items())
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole .npy or .npz of numbers ({error}); "
            "save it again with numpy.save or numpy.savez"
        ) from error


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
