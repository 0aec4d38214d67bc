"""What the readers of data share."""

import os

PathLike = str | os.PathLike[str]


class DataError(RuntimeError):
    """Data that are missing, damaged or not as they should be."""
