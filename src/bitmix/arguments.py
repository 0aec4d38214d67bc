"""Checks of arguments that several modules take."""

from collections.abc import Iterable


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise ValueError, which tells what is allowed, unless `value` is one of them."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ValueError(f"{name} has {value!r}; allowed are {', '.join(map(repr, allowed))}")
