"""Data from tables of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bitmix.data.errors import DataError
from bitmix.data.levels import MOST, Column, Ones, Pair, as_features, level_of

if TYPE_CHECKING:
    import pandas as pd

WHERE = "the table"
_REMEDY = "bitmix.data.from_frame(table, ones={})"


def is_frame(x: Any) -> bool:
    """Return whether `x` is a DataFrame of pandas, without importing pandas."""
    return hasattr(x, "iloc") and hasattr(x, "columns")


def frame_values(frame: pd.DataFrame) -> np.ndarray:
    """Return a table of two levels a column as float32, shape (N, D), nan where missing.

    Raises
    ------
    ValueError
        If it has no rows or columns, or it is not such a table.
    """
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        return np.empty(frame.shape, np.float32)
    try:
        x, observed, _ = frame_features(frame, None)
    except DataError as error:
        raise ValueError(str(error)) from None
    return np.where(observed, x, np.float32("nan"))


def frame_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the same columns, in which texts and other objects are 0, 1 and nan.

    Columns of numbers and booleans stay as they are.

    Raises
    ------
    ValueError
        If a column of texts or objects has more than two levels, or two numbers and it is
        unknown which is 1.
    """
    from pandas.api.types import is_numeric_dtype  # slow to import, but its caller has imported it

    others = [place for place, dtype in enumerate(frame.dtypes) if not is_numeric_dtype(dtype)]
    if not others or not len(frame):
        return frame
    values, numbers = frame_values(frame.iloc[:, others]), frame.copy()
    for place, column in zip(others, values.T, strict=True):
        numbers.isetitem(place, column)
    return numbers


def frame_features(
    frame: pd.DataFrame, ones: Ones | None
) -> tuple[np.ndarray, np.ndarray, tuple[Pair, ...]]:
    """Return the columns as zeros and ones, what is observed, and the levels of each column."""
    columns = [_column(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    return as_features(columns, ones, WHERE, _REMEDY)


def _column(name: str, series: pd.Series) -> Column:
    codes, values = series.factorize()  # -1 where missing
    levels: dict[str, str] = {}
    code_of = np.zeros(len(values) + 1, np.uint8)  # the last is that of -1
    for code, value in enumerate(values[:MOST]):
        if level := level_of(str(value)):
            levels.setdefault(level, f"row {int((codes == code).argmax())}")
            code_of[code] = list(levels).index(level) + 1
    return Column(name, code_of[codes], levels, len(values) == len(series))
