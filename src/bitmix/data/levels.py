"""Columns with two levels, such as no and yes: which level is 1.

A level is what the cells of a column say. Numbers are levels too: 0 and 1 are the plainest pair.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bitmix.data.errors import DataError, some

logger = logging.getLogger("bitmix")

#: Cells that say that a value is missing, in any case.
MISSING = frozenset({"", "na", "n/a", "nan", "<na>", "null"})
#: Pairs of levels, in any case, whose second level is 1 by convention.
PAIRS = (
    *(("0", "1"), ("-1", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("off", "on")),
    *(("absent", "present"), ("disagree", "agree"), ("unchecked", "checked")),
    ("incorrect", "correct"),
)
PLAIN = PAIRS[0]
_VALUE = {level: value for pair in reversed(PAIRS) for value, level in enumerate(pair)}
#: The most levels of a column that are counted: with more, a column is no feature.
MOST = 200

Pair = tuple[str, str]
Ones = Sequence[Any] | Mapping[Any, Any]


@dataclass
class Column:
    """A column as it is read.

    Parameters
    ----------
    name : str
    codes : ndarray of uint8, shape (N,)
        0 where missing, otherwise 1 plus the place of the level in `levels`.
    levels : dict of str
        The place of the first row with each level, such as "line 7". At most `MOST` levels.
    unique : bool
        Whether every row has a value of its own, as an id has.
    """

    name: str
    codes: np.ndarray
    levels: dict[str, str]
    unique: bool


@lru_cache(maxsize=10_000)
def level_of(cell: str) -> str:
    """Return the level that a cell says, "" if it is missing.

    Spaces count as one between words and not around them. Neither the form of a number (1, 1.0)
    counts nor the case of a conventional word (Yes, yes).
    """
    text = " ".join(cell.split())
    word = text.lower()
    if word in MISSING:
        return ""
    if word in _VALUE:
        return word
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text


def conventional(levels: Sequence[str]) -> Pair | None:
    """Return the pair of levels that a column's levels belong to, by convention, or None."""
    return next((pair for pair in PAIRS if set(levels) <= set(pair)), None)


def as_features(
    columns: Sequence[Column],
    ones: Ones | None,
    where: str,
    remedy: str,
) -> tuple[np.ndarray, np.ndarray, tuple[Pair, ...]]:
    """Return columns as zeros and ones.

    Parameters
    ----------
    columns : sequence of Column
    ones : sequence of levels, or mapping of column to level, optional
        The level that is 1. Without it, a convention decides, or of two texts the alphabet.
    where : str
        What errors name.
    remedy : str
        How to give `ones`, with the place for its value marked by {}.

    Returns
    -------
    x : ndarray of uint8, shape (N, D)
        0 where missing.
    observed : ndarray of bool, shape (N, D)
    pairs : tuple of (str, str)
        The levels of each column, 0 first.

    Raises
    ------
    DataError
        If a column has more than two levels, or numbers of which it is unknown which is 1.
    """
    _check_levels(columns, where)
    pairs = _pairs(columns, ones, where, remedy)
    _log(columns, pairs)
    return *_as_binary(columns, pairs), pairs


def as_known_features(
    columns: Sequence[Column], pairs: Sequence[Pair], where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return columns whose levels are known, as zeros and ones, and what is observed.

    Parameters
    ----------
    columns : sequence of Column
    pairs : sequence of (str, str)
        The levels that each column may have, 0 first.
    where : str
        What errors name.

    Raises
    ------
    DataError
        If a column has another level.
    """
    for column, pair in zip(columns, pairs, strict=True):
        for level, place in column.levels.items():
            if level not in pair:
                raise DataError(
                    f"{where}, {place}: {level[:40]!r} in column {column.name}, which had the "
                    f"levels {pair[0]!r} and {pair[1]!r}; leave the cell empty if it is missing"
                )
    return _as_binary(columns, pairs)


def _as_binary(columns: Sequence[Column], pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((len(columns[0].codes), len(columns)), np.uint8)
    observed = np.empty(x.shape, bool)
    for place, (column, (_, one)) in enumerate(zip(columns, pairs, strict=True)):
        code = list(column.levels).index(one) + 1 if one in column.levels else MOST + 1
        x[:, place] = column.codes == code
        observed[:, place] = column.codes > 0
    return x, observed


def _check_levels(columns: Sequence[Column], where: str) -> None:
    """Raise DataError if a column has more than two levels."""
    bad = [column for column in columns if len(column.levels) > 2]
    if not bad:
        return
    first, others = bad[0], [column.name for column in bad[1:]]
    ids = next((column for column in bad if column.unique), None)
    if ids is not None:
        raise DataError(
            f"{where}: every row has another value in column {ids.name} "
            f"({some(list(ids.levels), 3)}). If these are ids, set id_column: {ids.name}; "
            "otherwise take the column out, a feature has two levels"
        )
    more = f" (too many also in {some(others, 5)})" if others else ""
    raise DataError(
        f"{where}: column {first.name} has {_count(first)} levels, not two: {_places(first)}"
        f"{more}. "
        "Leave a cell empty where the value is missing, make one column of "
        "0 and 1 for each level, or name the column as label_column"
    )


def _count(column: Column) -> str:
    return f"over {MOST}" if len(column.levels) >= MOST else str(len(column.levels))


def _places(column: Column, most: int = 4) -> str:
    """List levels with their places."""
    return some(
        [f"{level[:40]!r} ({place})" for level, place in sorted(column.levels.items())], most
    )


def _pairs(
    columns: Sequence[Column], ones: Ones | None, where: str, remedy: str
) -> tuple[Pair, ...]:
    """Return the levels of each column, 0 first."""
    found = _given(columns, ones, where)
    for column in columns:
        if column.name not in found and (pair := _pair_of(column)):
            found[column.name] = pair
    unknown = [column for column in columns if column.name not in found]
    if not unknown:
        return tuple(found[column.name] for column in columns)
    first, levels = unknown[0], sorted(unknown[0].levels)
    alike = [column.name for column in unknown if sorted(column.levels) == levels]
    columns_have = f"columns {some(alike)} have" if len(alike) > 1 else f"column {first.name} has"
    say = f"say which is 1, for example {remedy.format(f'[{levels[-1]}]')}"
    if len(levels) == 1:
        raise DataError(
            f"{where}: {columns_have} the one level {levels[0]!r}, and empty cells are missing; "
            f"write another level where it does not hold, or {say}"
        )
    raise DataError(f"{where}: {columns_have} the levels {_places(first)}; {say}")


def _pair_of(column: Column) -> Pair | None:
    """Return the levels of a column that need not be given, 0 first, or None.

    Of two texts, either may be 1: tables name the answer, such as "sex: male". So the second in
    alphabetical order is 1. Numbers are codes whose meaning is not known, such as 1 and 2.
    """
    levels = sorted(column.levels, key=str.casefold)
    if (pair := conventional(levels)) or len(levels) != 2 or any(map(_is_number, levels)):
        return pair
    return levels[0], levels[1]


def _is_number(level: str) -> bool:
    try:
        float(level)
    except ValueError:
        return False
    return True


def _given(columns: Sequence[Column], ones: Ones | None, where: str) -> dict[str, Pair]:
    """Return the levels of the columns for which `ones` says them, 0 first."""
    if ones is None:
        return {}
    found = {}
    if isinstance(ones, Mapping):
        named = {str(name): [level] for name, level in ones.items()}
        names = [column.name for column in columns]
        for name in named:
            if name not in names:
                raise DataError(
                    f"{where} has no column {name!r}, which `ones` names: {some(names)}"
                )
    else:
        named = {name: list(ones) for name in (column.name for column in columns)}
    for column in columns:
        wanted = named.get(column.name, [])
        chosen = [level for level in column.levels if any(_means(one, level) for one in wanted)]
        if isinstance(ones, Mapping) and wanted and column.levels and not chosen:
            raise DataError(
                f"{where}: column {column.name} has no level {wanted[0]!r}, which `ones` gives; it "
                f"has {some(list(column.levels))}"
            )
        if len(chosen) > 1:
            raise DataError(
                f"{where}: column {column.name} has both levels {chosen[0]!r} and {chosen[1]!r}, "
                "which `ones` gives; give each column its level, ones: {column: level}"
            )
        if chosen:
            found[column.name] = (_other(column, chosen[0]), chosen[0])
    return found


def _means(one: Any, level: str) -> bool:
    """Return whether the value in `ones` is this level. YAML reads yes, on and true as True."""
    if isinstance(one, bool):
        return not level.lstrip("-").isdigit() and _VALUE.get(level) == int(one)
    return level_of(str(one)) == level


def _other(column: Column, one: str) -> str:
    """Return the level of a column that is 0."""
    others = [level for level in column.levels if level != one]
    if others:
        return others[0]
    pair = conventional([one])
    return next(level for level in pair if level != one) if pair else f"not {one}"


def _log(columns: Sequence[Column], pairs: Sequence[Pair]) -> None:
    """Say in the log which level is 1, if the data are not plain zeros and ones."""
    for pair in dict.fromkeys(pairs):
        if pair != PLAIN:
            names = [column.name for column, own in zip(columns, pairs, strict=True) if own == pair]
            logger.info("%s is 1 and %s is 0 in %s", pair[1], pair[0], some(names))
