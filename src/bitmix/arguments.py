"""Checks of arguments."""

import difflib
import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable)


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return ", did you mean ...?" with the most similar allowed word, or "" if none is similar."""
    similar = difflib.get_close_matches(str(word), list(allowed), n=1)
    return f", did you mean {similar[0]!r}?" if similar else ""


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise ValueError with a list of the allowed values unless `value` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} is {value!r}{nearest(value, allowed) or ';'} allowed: {listed}")


def check_integer(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as int; raise ValueError unless it is a whole number of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def check_positive(name: str, value: Any) -> float:
    """Return `value` as float; raise ValueError unless it is a positive, finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be a positive number, not {value!r}")
    return number


def suggest_keywords(function: Function) -> Function:
    """Return `function` so that its error for an unknown keyword names the most similar one."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in signature.parameters:
                raise TypeError(
                    f"{function.__name__}() has no argument {name!r}"
                    f"{nearest(name, signature.parameters)}"
                )
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]
