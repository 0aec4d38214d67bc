"""Data from arrays of zeros and ones: .npy and .npz."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bitmix.data.binary import as_binary, find_wrong
from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.data.files import Labels, Loaded, Shape, checked_shape, read_arrays
from bitmix.data.labels import check_ids, check_labels, read_labels, select


def array(
    *,
    file: PathLike,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read an .npy of zeros, ones and nan (missing), or an .npz with an array `x`.

    The shape is (N, D), or (N, rows, columns) for images. An .npz may also have `labels`, `row_ids`
    and `feature_names`.
    """
    arrays = read_arrays(file)
    values = arrays.pop("x", None)
    if values is None:
        raise DataError(f"{file} has the arrays {', '.join(arrays)}; call the data x")
    if values.dtype == bool:  # whose bytes may be others than 0 and 1
        values = values.view(np.uint8)
    if values.dtype.kind not in "biuf":
        raise DataError(f"{file} holds {values.dtype}, not numbers; save it as numbers, 0 and 1")
    if values.ndim not in (2, 3) or values.size == 0:
        raise DataError(
            f"{file} has the shape {values.shape}, data have (N, D) or (N, rows, columns), N and D "
            "at least 1; reshape it"
        )
    if labels_file is not None:
        given = read_labels(labels_file, len(values))
    else:
        given = check_labels(arrays.get("labels"), file, len(values))
    if values.ndim == 3:
        if image_shape is not None and tuple(image_shape) != values.shape[1:]:
            raise DataError(
                f"{file} has images of shape {values.shape[1:]}, not image_shape "
                f"{list(image_shape)}; leave it out"
            )
        image_shape = values.shape[1:]
        values = values.reshape(len(values), -1)
    x, observed = _binary(values, file)
    dataset = Dataset(
        x,
        given,
        checked_shape(image_shape, x.shape[1], file),
        observed,
        feature_names=_texts(arrays, "feature_names", x.shape[1], file),
        row_ids=_texts(arrays, "row_ids", x.shape[0], file),
    )
    return select(dataset, None, labels, file)


def _binary(values: np.ndarray, path: PathLike) -> tuple[np.ndarray, np.ndarray | None]:
    if place := find_wrong(values):
        row, column = place
        raise DataError(
            f"{path}, row {row}: {values[row, column]} in column {column} (both from 0) is not 0, "
            "1 or nan (missing); make it binary, e.g. x > threshold"
        )
    return as_binary(values)


def _texts(
    arrays: Mapping[str, np.ndarray], name: str, length: int, path: PathLike
) -> np.ndarray | None:
    """Return an array of texts that all differ, such as ids, or None if the file has none."""
    texts = arrays.get(name)
    if texts is None:
        return None
    if texts.shape != (length,):
        raise DataError(f"{path} has {name} of shape {texts.shape}; the data need ({length},)")
    return check_ids(enumerate(texts.astype(str)), f"{path}: {name}", "place")
