"""Where the data of a run come from: MNIST, DEBD, or files of the user.

A source is a function in `SOURCES`. Its parameters are the keys that `data:` may have in the
configuration. It returns the data set and, if rows are grey images, these images.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bitmix.data.arrays import array
from bitmix.data.debd import debd
from bitmix.data.files import Loaded
from bitmix.data.images import idx, image_files, images, mnist
from bitmix.data.tables import table


def load(source: str = "mnist", **settings: Any) -> Loaded:
    """Return the data of a source, in its order, and the grey images behind them.

    Parameters
    ----------
    source : str
        A key of `SOURCES`.
    **settings
        The parameters of the source. None counts as not given.

    Returns
    -------
    dataset : Dataset
    grey : ndarray of uint8, shape (N, rows, columns), or None
        None if the source has no grey images.

    Raises
    ------
    ValueError
        If a setting does not fit the source, is missing or has a bad value.
    DataError
        If the data cannot be read or are wrong. The message names the file and the place.
    """
    given = check_settings(source, **settings)
    return SOURCES[source](**given)


def check_settings(source: str, **settings: Any) -> dict[str, Any]:
    """Return the settings that are not None, if the source takes them.

    Raises
    ------
    ValueError
        If the source does not take a setting, or needs one that is missing.
    """
    if source not in SOURCES:
        raise ValueError(f"source {source!r} is not known; allowed: {', '.join(SOURCES)}")
    given = {key: value for key, value in settings.items() if value is not None}
    parameters = inspect.signature(SOURCES[source]).parameters
    for key in given.keys() - parameters.keys():
        raise ValueError(
            f"{key}: not for the source {source}, which takes {', '.join(parameters)}; "
            "leave it out or choose another source"
        )
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in given:
            raise ValueError(f"{key}: missing, the source {source} needs it")
    return given


def files(source: str, **settings: Any) -> list[Path]:
    """Return the user's files that the data depend on.

    MNIST and DEBD have none: the contents of their files are known.
    """
    given = check_settings(source, **settings)
    if source == "images":
        folder = Path(given["folder"]).expanduser()
        return image_files(folder) or [folder]
    return [Path(given[key]).expanduser() for key in ("file", "labels_file") if key in given]


SOURCES: dict[str, Callable[..., Loaded]] = {
    "mnist": mnist,
    "idx": idx,
    "array": array,
    "csv": table,
    "images": images,
    "debd": debd,
}
