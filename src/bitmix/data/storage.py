"""Saving and loading data sets."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.io import atomic_write

# What the source calls rows, features and labels. Files of older versions have none of these.
_NAMES = ("feature_names", "levels", "label_name", "row_ids", "id_name", "source_rows")


def save_dataset(path: PathLike, dataset: Dataset) -> None:
    """Write a data set to an .npz file atomically, with eight values in a byte."""
    arrays = {
        "packed": np.packbits(dataset.x, axis=1),
        "pixels": np.int64(dataset.x.shape[1]),
        "labels": dataset.labels,
        "image_shape": dataset.image_shape,
        "observed": None if dataset.observed is None else np.packbits(dataset.observed, axis=1),
        **{name: getattr(dataset, name) for name in _NAMES},
    }
    with atomic_write(path) as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


def load_dataset(path: PathLike) -> Dataset:
    """Read a data set that `save_dataset` wrote.

    Raises
    ------
    DataError
        If the file is damaged or was not written by `save_dataset`.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                shape, observed = arrays.get("image_shape"), arrays.get("observed")
                unpack = partial(np.unpackbits, axis=1, count=int(arrays["pixels"]))
                return Dataset(
                    x=unpack(arrays["packed"]),
                    labels=arrays.get("labels"),
                    image_shape=None if shape is None else tuple(shape.tolist()),
                    observed=None if observed is None else unpack(observed).view(bool),
                    **{name: _name(arrays[name]) for name in _NAMES if name in arrays},
                )
        except (
            AttributeError,  # a plain .npy: np.load returns an array, which has no `get`
            EOFError,
            KeyError,
            OSError,
            TypeError,
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise DataError(
                f"{path} is not a complete data set of bitmix ({error}); "
                "delete it and make it again with bitmix.data.save_dataset"
            ) from error


def _name(array: np.ndarray) -> np.ndarray | str:
    """Return a saved array, or the one text in it."""
    return array if array.ndim else str(array)
