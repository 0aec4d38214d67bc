"""The error of all readers of data, and what its messages share."""

import os
from collections.abc import Sequence

PathLike = str | os.PathLike[str]


class DataError(RuntimeError):
    """Data are missing, damaged or of the wrong kind.

    The message may quote a hostile file. What would control a terminal is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(map(_printable, message)))


def _printable(character: str) -> str:
    plain = character.isprintable() or character == "\n"
    return character if plain else character.encode("unicode_escape").decode()


def some(items: Sequence[object], most: int = 12) -> str:
    """Return the first items as text."""
    return ", ".join(map(str, items[:most])) + (", ..." if len(items) > most else "")
