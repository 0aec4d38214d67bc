"""The error of all readers of data, and what its messages share."""

import os
from collections.abc import Sequence

PathLike = str | os.PathLike[str]


class DataError(RuntimeError):
    """Data are missing, damaged or of the wrong kind."""


def some(items: Sequence[object], most: int = 12) -> str:
    """Return the first items as text."""
    return ", ".join(map(str, items[:most])) + (", ..." if len(items) > most else "")
