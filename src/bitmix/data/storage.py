"""Saving and loading data sets."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.data.npy import read_npz
from bitmix.io import SEAL_SIZE, sealed_size, sealed_write

# What the source calls rows, features and labels. Files of older versions have none of these.
_NAMES = ("feature_names", "levels", "label_name", "row_ids", "id_name", "source_rows")


def save_dataset(path: PathLike, dataset: Dataset) -> None:
    """Write a data set to an .npz file atomically, with eight values in a byte.

    The file ends in its checksum, as the comment of a zip file.
    """
    arrays = {
        "packed": np.packbits(dataset.x, axis=1),
        "pixels": np.int64(dataset.x.shape[1]),
        "labels": dataset.labels,
        "image_shape": dataset.image_shape,
        "observed": None if dataset.observed is None else np.packbits(dataset.observed, axis=1),
        **{name: getattr(dataset, name) for name in _NAMES},
    }
    content = io.BytesIO()
    np.savez(content, **{name: array for name, array in arrays.items() if array is not None})
    with sealed_write(path) as file:
        # A zip file ends in the length of its comment, two bytes, and the comment.
        file.write(content.getvalue()[:-2] + SEAL_SIZE.to_bytes(2, "little"))


def load_dataset(path: PathLike) -> Dataset:
    """Read a data set that `save_dataset` wrote.

    Raises
    ------
    DataError
        If the file does not match its checksum or was not written by `save_dataset`.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        if not _has_no_seal(data):  # earlier versions wrote no seal; zip files have checksums
            sealed_size(data)
        return _read(data)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path} is damaged or not a data set of bitmix ({error}); "
            "delete it and make it again with bitmix.data.save_dataset"
        ) from error


def _read(data: bytes) -> Dataset:
    """Return the data set in the bytes of a file, or raise."""
    arrays = read_npz(io.BytesIO(data))
    if not arrays.keys() >= {"packed", "pixels"}:
        raise ValueError(f"it has the arrays {', '.join(arrays)}")
    shape, observed = arrays.get("image_shape"), arrays.get("observed")
    features = int(arrays["pixels"])
    return Dataset(
        x=_unpacked(arrays["packed"], features),
        labels=arrays.get("labels"),
        image_shape=None if shape is None else tuple(shape.tolist()),
        observed=None if observed is None else _unpacked(observed, features).view(bool),
        **{name: _name(arrays[name]) for name in _NAMES if name in arrays},
    )


def _unpacked(packed: np.ndarray, features: int) -> np.ndarray:
    """Return bits as an array of zeros and ones, shape (N, features)."""
    if packed.ndim != 2 or packed.shape[1] != -(-features // 8):
        raise ValueError(f"bits of shape {packed.shape} for {features} features")
    return np.unpackbits(packed, axis=1, count=features)


def _name(array: np.ndarray) -> Any:
    """Return a saved array, or the one text in it."""
    return array if array.ndim else str(array)


def _has_no_seal(data: bytes) -> bool:
    """Return whether the bytes end as a zip file without a comment does."""
    return data[-22:-18] == b"PK\5\6"
