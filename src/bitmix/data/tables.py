"""Data from tables: CSV files, and DataFrames of pandas."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from bitmix.data.dataset import Dataset
from bitmix.data.errors import DataError, PathLike, some
from bitmix.data.files import Labels, Loaded, Shape, checked_shape, opened, text_lines
from bitmix.data.frames import WHERE, frame_features
from bitmix.data.labels import as_labels, check_ids, label_of, read_labels, select
from bitmix.data.levels import (
    MOST,
    PLAIN,
    Column,
    Ones,
    as_features,
    as_known_features,
    conventional,
    level_of,
)

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",;\t"
_CHUNK = 4096  # lines that are read at a time


def table(
    *,
    file: PathLike,
    id_column: str | None = None,
    label_column: str | None = None,
    ones: Ones | None = None,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read a CSV file with one row per line. An empty cell, nan or NA is missing.

    Commas, semicolons or tabs separate the cells. The first line may be a header; it must be one
    if `id_column` or `label_column` names a column in it. A feature has two levels: 0 and 1, or
    others such as no and yes. `ones` says which level is 1 where `bitmix.data.levels.PAIRS` does
    not.
    """
    texts = _Texts(id_column=id_column, label_column=label_column)
    names, columns, rows = _read(file, texts)
    if not names:
        raise DataError(f"{file} has no column beside {texts.named}; add the data, 0 and 1")
    given = read_labels(labels_file, rows)
    if label_column is not None:
        cells = texts.cells["label_column"]
        given = as_labels([label_of(cell, f"{file}, line {line}") for line, cell in cells])
    ids = check_ids(texts.cells["id_column"], file) if id_column is not None else None
    finished = [column.finished(name) for name, column in zip(names, columns, strict=True)]
    x, observed, pairs = as_features(finished, ones, str(file), "`ones: {}` in data")
    numbered = names == [str(place) for place in range(1, len(names) + 1)]
    dataset = Dataset(
        x,
        given,
        checked_shape(image_shape, x.shape[1], file),
        observed,
        feature_names=None if numbered else tuple(names),
        levels=None if set(pairs) == {PLAIN} else pairs,
        label_name=label_column and str(label_column),
        row_ids=ids,
        id_name=id_column and str(id_column),
    )
    return select(dataset, None, labels, file)


def new_rows(file: PathLike, like: Dataset) -> Dataset:
    """Read rows with the features of a data set from another CSV file.

    Parameters
    ----------
    file : path-like
        A CSV file with the columns of the file of `like`, in any order. It needs no labels, and
        other columns are ignored. A file without a header has the columns in the same order.
    like : Dataset
        A data set from a CSV file. Features and ids have its names, and cells its levels.

    Returns
    -------
    dataset : Dataset
        Without labels.

    Raises
    ------
    DataError
        If a column is absent, or has a level that it does not have in `like`.
    """
    texts = _Texts(id_column=like.id_name)
    names, columns, _ = _read(file, texts)
    numbered = tuple(str(place) for place in range(1, like.x.shape[1] + 1))
    wanted = like.feature_names or numbered
    if like.feature_names is None and len(names) == len(wanted):
        names = list(numbered)
    absent = [name for name in wanted if name not in names]
    if absent:
        raise DataError(f"{file} has no column {some(absent)}; its columns are {some(names)}")
    found = [columns[names.index(name)].finished(name) for name in wanted]
    x, observed = as_known_features(found, like.levels or [PLAIN] * len(wanted), str(file))
    ids = None if like.id_name is None else check_ids(texts.cells["id_column"], file)
    return Dataset(
        x,
        observed=observed,
        feature_names=like.feature_names,
        levels=like.levels,
        row_ids=ids,
        id_name=like.id_name,
    )


def from_frame(
    frame: pd.DataFrame,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    ones: Ones | None = None,
) -> Dataset:
    """Return a table of pandas as a data set.

    A feature has two levels: 0 and 1, booleans, or others such as no and yes. What pandas calls
    missing is missing, and so are the texts "", "NA" and "NaN".

    Parameters
    ----------
    frame : DataFrame, N rows
        All columns are features, but for ids and labels.
    id_column : str, optional
        The column that names the rows. Without it, the index does, if it is not a range.
    label_column : str, optional
        The column of labels. The model never sees them.
    ones : sequence of levels, or mapping of column to level, optional
        The level that is 1, if it is not the usual one: ["female"], or {"sex": "female"}.

    Returns
    -------
    dataset : Dataset

    Raises
    ------
    DataError
        If a column is absent or has more than two levels, or two numbers and it is
        unknown which is 1.
    """
    for key, name in (("id_column", id_column), ("label_column", label_column)):
        if name is not None and name not in frame.columns:
            raise DataError(
                f"{WHERE} has no column {name!r}, it has {some(list(frame.columns))}; set {key} "
                "to one of its names"
            )
    names = [name for name in frame.columns if name not in (id_column, label_column)]
    ids, id_name = _ids(frame, id_column)
    labels = None if label_column is None else as_labels(_texts(frame[label_column], "label"))
    x, observed, pairs = frame_features(frame[names], ones)
    return Dataset(
        x,
        labels,
        None,
        observed,
        feature_names=tuple(names),
        levels=None if set(pairs) == {PLAIN} else pairs,
        label_name=None if label_column is None else str(label_column),
        row_ids=ids,
        id_name=id_name,
    )


class _Texts:
    """The columns of text that the user names: ids and labels."""

    def __init__(self, **keys: str | None) -> None:
        self.keys = {key: _name(name) for key, name in keys.items() if name is not None}
        self.cells: dict[str, list[tuple[int, str]]] = {key: [] for key in self.keys}

    @property
    def named(self) -> str:
        return " and ".join(self.keys.values())

    def places(self, names: Sequence[str], path: PathLike) -> dict[int, str]:
        """Return the keys of columns by the columns' places in the file."""
        found = {}
        for key, name in self.keys.items():
            if name not in names:
                raise DataError(
                    f"{path} has no column {name!r} in its first line, which names "
                    f"{some(names)}; set {key} to one of its names"
                )
            if names.index(name) in found:
                raise DataError(f"{path}: id_column and label_column are both {name}; name two")
            found[names.index(name)] = key
        return found


class _Coded:
    """A feature while it is read: each cell is coded by its level."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}  # of cells
        self.levels: dict[str, int] = {}  # lines
        self.chunks: list[bytes] = []
        self.cells: set[str] = set()  # of a column with too many levels
        self.rows = 0

    def add(self, lines: Sequence[int], cells: Sequence[str], place: int | None = None) -> None:
        """Add cells at the end, or a chunk at the place 0."""
        self.rows += len(cells)
        new = [cell for cell in dict.fromkeys(cells) if cell not in self.codes]
        if new and len(self.levels) < MOST:
            self._learn(new, dict(zip(reversed(cells), reversed(lines), strict=True)))
        if len(self.levels) >= MOST:
            self.cells.update(cells)
            return
        chunk = bytes(map(self.codes.__getitem__, cells))
        self.chunks.insert(len(self.chunks) if place is None else place, chunk)

    def _learn(self, cells: Sequence[str], first: dict[str, int]) -> None:
        for cell in cells:
            level = level_of(cell)
            if level and level not in self.levels:
                if len(self.levels) == MOST:
                    return
                self.levels[level] = first[cell]
            self.codes[cell] = list(self.levels).index(level) + 1 if level else 0

    def finished(self, name: str) -> Column:
        unique = len(self.cells | self.codes.keys()) == self.rows
        lines = {level: f"line {line}" for level, line in self.levels.items()}
        return Column(name, np.frombuffer(b"".join(self.chunks), np.uint8), lines, unique)

    def takes(self, cell: str) -> bool:
        """Return whether a cell could be a value of the column, judged by the other cells."""
        level = level_of(cell)
        if not level or level in PLAIN or level in self.levels:
            return True
        return conventional([level, *self.levels]) is not None


def _name(cell: object) -> str:
    """Return the name of a column, on one line."""
    return " ".join(str(cell).split())


def _read(path: PathLike, texts: _Texts) -> tuple[list[str], list[_Coded], int]:
    """Return the names and cells of the columns of features, and the number of rows.

    The cells of other columns are added to `texts`.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path} is empty; it needs a line for each row")
    line, head = first
    names = [_name(cell) or f"column {place}" for place, cell in enumerate(head, 1)]
    text = texts.places(names, path)
    coded = {place: _Coded() for place in range(len(head)) if place not in text}
    rows = 0
    while chunk := list(islice(lines, _CHUNK)):
        rows += len(chunk)
        numbers = [number for number, _ in chunk]
        for place, cells in enumerate(zip(*(cells for _, cells in chunk), strict=True)):
            if place in text:
                texts.cells[text[place]].extend(zip(numbers, cells, strict=True))
            else:
                coded[place].add(numbers, cells)
    if text or _is_header(head, coded):
        _check_names(names, path, line)
    else:
        rows += 1
        names = [str(place) for place in range(1, len(head) + 1)]
        for place, column in coded.items():
            column.add([line], [head[place]], 0)
    if not rows:
        raise DataError(f"{path} has a header only; it needs a line for each row")
    return [names[place] for place in coded], list(coded.values()), rows


def _lines(path: PathLike) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty."""
    with opened(path) as file:
        lines = text_lines(file, path)
        head = next(lines, "")
        reader = csv.reader(chain([head], lines), delimiter=_delimiter(head), strict=True)
        width, first = 0, 0
        try:
            for cells in reader:
                if not cells:
                    continue
                width, first = width or len(cells), first or reader.line_num
                if len(cells) != width:
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, but line {first} has "
                        f"{width}; every line needs the same number, an empty cell where a value "
                        "is missing"
                    )
                yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(
                f"{path}, line {reader.line_num}: {error}; save it as CSV again"
            ) from error


def _delimiter(head: str) -> str:
    """Return the mark that is most frequent in the first line, outside quotes."""
    counts = Counter(re.sub(r'"[^"]*"', "", head))
    return max(DELIMITERS, key=lambda mark: counts[mark])


def _is_header(head: Sequence[str], columns: dict[int, _Coded]) -> bool:
    """Return whether the first line has names: none is a value, or not all are and all differ."""
    values = [column.takes(head[place]) for place, column in columns.items()]
    return not any(values) or (not all(values) and len(set(head)) == len(head))


def _check_names(names: Sequence[str], path: PathLike, line: int) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{path}, line {line}: {some(twice)} names several columns; give each its own name"
        )


def _texts(cells: pd.Series, what: str) -> list[str]:
    present = cells.notna()
    return [
        label_of(str(cell) if there else "", f"{WHERE}, row {row}", what)
        for row, (cell, there) in enumerate(zip(cells, present, strict=True))
    ]


def _ids(frame: pd.DataFrame, id_column: str | None) -> tuple[np.ndarray | None, str | None]:
    """Return the ids of the rows and their name."""
    cells = frame.index.to_series() if id_column is None else frame[id_column]
    if id_column is None and type(frame.index).__name__ == "RangeIndex":
        return None, None
    name = None if cells.name is None else str(cells.name)
    return check_ids(enumerate(_texts(cells, "id")), WHERE, "row"), name
