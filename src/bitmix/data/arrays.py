"""Data from arrays and tables of zeros and ones: .npy, .npz, CSV."""

from __future__ import annotations

import csv
import io
from functools import cache

import numpy as np

from bitmix.data.binary import as_binary, find_wrong
from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike
from bitmix.data.files import Labels, Loaded, Shape, read_arrays, read_bytes, some
from bitmix.data.labels import as_labels, check_labels, label_of, read_labels, select

DELIMITERS = ",;\t"


def array(
    *,
    file: PathLike,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read an .npy of zeros, ones and nan (missing), or an .npz with an array `x` and `labels`.

    The shape is (N, D), or (N, rows, columns) for images.
    """
    arrays = read_arrays(file)
    values = arrays.pop("x", None)
    if values is None:
        raise DataError(f"{file} has the arrays {', '.join(arrays)}; call the data x")
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
    return select(of_values(values, given, image_shape, file), None, labels, file)


def table(
    *,
    file: PathLike,
    label_column: str | None = None,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read a CSV file of zeros and ones, one row per line. An empty cell, nan or NA is missing.

    Commas, semicolons or tabs separate the cells. The first line may be a header; it must be one
    if `label_column` names a column in it.
    """
    names, lines = _read_csv(file, label_column)
    given = read_labels(labels_file, len(lines))
    if label_column is not None:
        column = names.index(str(label_column))
        names.pop(column)
        given = as_labels([label_of(cells.pop(column), file, line) for line, cells in lines])
    if not names:
        raise DataError(f"{file} has no column beside {label_column}; add the data, 0 and 1")
    values = np.empty((len(lines), len(names)), np.float32)
    for row, (line, cells) in enumerate(lines):
        try:
            values[row] = [_value(cell) for cell in cells]
        except ValueError:
            name, cell = next(
                (name, cell) for name, cell in zip(names, cells, strict=True) if not _is_value(cell)
            )
            raise DataError(
                f"{file}, line {line}: {cell!r} in column {name} is not 0, 1 or empty; make it "
                "binary, or name the column of labels as label_column"
            ) from None
    return select(of_values(values, given, image_shape, file), None, labels, file)


def _read_csv(
    path: PathLike, label_column: str | None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the number and cells of each line."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error}); save it as CSV, UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in DELIMITERS if mark in first), DELIMITERS[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; save it as CSV again") from error
    if not lines:
        raise DataError(f"{path} is empty; it needs a line for each row")
    width = len(lines[0][1])
    for line, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells, but line {lines[0][0]} has {width}; "
                "every line needs the same number, an empty cell where a value is missing"
            )
    names = [str(column) for column in range(1, width + 1)]
    if label_column is not None or _is_header(lines[0][1]):
        names = [name.strip() for name in lines.pop(0)[1]]
        if not lines:
            raise DataError(f"{path} has a header only; it needs a line for each row")
    if label_column is not None and str(label_column) not in names:
        raise DataError(
            f"{path} has no column {label_column!r} in its first line, which names "
            f"{some(names)}; set label_column to one of its names"
        )
    return names, lines


def _is_header(cells: list[str]) -> bool:
    """Return whether cells are names: all are different, and not all are values."""
    return len(set(cells)) == len(cells) and not all(map(_is_value, cells))


@cache
def _value(cell: str) -> float:
    """Return the value of a cell of a CSV file: 0, 1, or nan if it is missing."""
    text = cell.strip().lower()
    value = np.nan if text in ("", "na", "nan") else float(text)
    if value not in (0, 1) and not np.isnan(value):
        raise ValueError(cell)
    return value


def _is_value(cell: str) -> bool:
    try:
        _value(cell)
    except ValueError:
        return False
    return True


def of_values(
    values: np.ndarray, labels: np.ndarray | None, shape: Shape | None, path: PathLike
) -> Dataset:
    """Return a data set of rows of zeros, ones and nan (missing)."""
    if place := find_wrong(values):
        row, column = place
        raise DataError(
            f"{path}, row {row}: {values[row, column]} in column {column} (both from 0) is not 0, "
            "1 or nan (missing); make it binary, e.g. x > threshold"
        )
    if shape is not None and shape[0] * shape[1] != values.shape[1]:
        raise DataError(
            f"{path} has {values.shape[1]} features a row, which do not fit image_shape "
            f"{list(shape)}; correct it or leave it out"
        )
    image_shape = None if shape is None else (int(shape[0]), int(shape[1]))
    x, observed = as_binary(values)
    return Dataset(x, labels, image_shape, observed)
