"""The error of all readers of data."""

import os

PathLike = str | os.PathLike[str]


class DataError(RuntimeError):
    """Data are missing, damaged or of the wrong kind."""
