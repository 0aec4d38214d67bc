"""Checks of arguments that several modules take."""

import math
import operator
from collections.abc import Iterable


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise ValueError, which tells what is allowed, unless `value` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"{name} has {value!r}; allowed are {', '.join(map(repr, allowed))}")


def whole(name: str, value: object, least: int = 1) -> int:
    """Return `value` as int; raise ValueError unless it is a whole number of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as float; raise ValueError unless it is a positive, finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be a positive number, not {value!r}")
    return number
