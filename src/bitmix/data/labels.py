"""The labels of rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike, some
from bitmix.data.files import Labels, Loaded, begins_with, opened, read_arrays, text_lines
from bitmix.data.idx import read_idx
from bitmix.data.npy import MAGIC

_LONGEST = 200  # characters of a label or id: an array of text is as wide as its longest


def read_labels(path: PathLike | None, rows: int) -> np.ndarray | None:
    """Return the labels in a file: .npy, IDX, or text with one per line, plain or .gz."""
    if path is None:
        return None
    with opened(path) as file:
        if begins_with(file, MAGIC):
            labels = read_arrays(path)["x"]
        elif begins_with(file, b"\0\0"):
            labels = read_idx(file, str(path))
        else:
            lines = list(islice(text_lines(file, path), rows + 1))
            if len(lines) > rows:
                raise DataError(f"{path} has more labels than the {rows} rows; give one for each")
            labels = as_labels(
                [label_of(text, f"{path}, line {line}") for line, text in enumerate(lines, 1)]
            )
    return check_labels(labels, path, rows)


def label_of(text: str, where: str, what: str = "label") -> str:
    """Return the label, or the id, in a cell."""
    text = text.strip()
    if not text:
        raise DataError(f"{where}: there is no {what}; give every row one, or none")
    if len(text) > _LONGEST:
        raise DataError(
            f"{where}: the {what} {' '.join(text[:20].split())}... has {len(text):,} characters; "
            f"shorten it to at most {_LONGEST}"
        )
    return text


def check_ids(cells: Iterable[tuple[int, str]], path: PathLike, unit: str = "line") -> np.ndarray:
    """Return ids as text, given their lines (or another unit) and cells. All must differ."""
    places: dict[str, int] = {}
    for place, cell in cells:
        text = label_of(cell, f"{path}, {unit} {place}", "id")
        if text in places:
            raise DataError(
                f"{path}, {unit} {place}: the id {' '.join(text.split())} is also in {unit} "
                f"{places[text]}; give every row an id of its own"
            )
        places[text] = place
    return np.array(list(places))


def as_labels(texts: list[str]) -> np.ndarray:
    """Return labels as integers if all of them are, otherwise as text."""
    try:
        numbers = np.array([int(text) for text in texts], np.int64)
    except (OverflowError, ValueError):
        return np.array(texts)
    return numbers if numbers.astype(str).tolist() == texts else np.array(texts)


def check_labels(labels: np.ndarray | None, path: PathLike, rows: int) -> np.ndarray | None:
    """Return labels as integers or text, one for each row."""
    if labels is None:
        return None
    if labels.shape != (rows,):
        raise DataError(
            f"{path} has labels of shape {labels.shape}, but there are {rows} rows; "
            "give one label for each"
        )
    if labels.dtype.kind in "bf":
        whole = np.isfinite(labels) & (labels == np.floor(labels))
        if not whole.all():
            row = int(whole.argmin())
            raise DataError(
                f"{path}, row {row}: the label {labels[row]} is not a whole number; "
                "labels are whole numbers or text"
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iuU":
        raise DataError(f"{path} has labels of {labels.dtype}; save them as whole numbers or text")
    return labels


def select(
    dataset: Dataset, grey: np.ndarray | None, labels: Labels | None, where: PathLike
) -> Loaded:
    """Keep the rows with one of the labels; all rows if `labels` is None."""
    if labels is None:
        return dataset, grey
    if dataset.labels is None:
        raise DataError(
            f"{where} has no labels to select {some(labels)} by; leave `labels` out of the "
            "settings, or say where the labels are"
        )
    # As text: a label may be a number in one place and text in the other.
    present, wanted = dataset.labels.astype(str), [str(label) for label in labels]
    absent = [label for label in wanted if label not in present]
    if absent or not wanted:
        raise DataError(
            f"{where} has nothing labelled {some(absent)}; its labels are "
            f"{some(np.unique(dataset.labels))}"
        )
    rows = np.isin(present, wanted)
    return dataset.take(rows), None if grey is None else grey[rows]
