"""MNIST: digits and their grey images."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from bitmix.data.dataset import Dataset, binarise, check_threshold
from bitmix.data.downloads import mnist_files
from bitmix.data.errors import PathLike
from bitmix.data.idx import parse_idx


def load_mnist(
    labels: Sequence[int] = (2, 3),
    *,
    threshold: int = 0,
    cache: PathLike | None = None,
    folder: PathLike | None = None,
) -> Dataset:
    """Return the binarised MNIST images of some digits, in the order of the source.

    The 60,000 training images come first, then the 10,000 test images. The digits have the order of
    these files. `shuffle` gives them a random order.

    Parameters
    ----------
    labels : sequence of int
        The digits to select, each of 0..9 at most once, in any order.
    threshold : int
        A pixel is on if its grey level (0..255) is above this; 0 to 254.
    cache : path-like, optional
        The folder for downloaded files. The default is the environment variable BITMIX_CACHE, or
        else the user's cache folder.
    folder : path-like, optional
        A folder with the four IDX files, plain or .gz. The default is the environment variable
        BITMIX_DATA. The folder comes before any other source.

    Returns
    -------
    Dataset
        With 784 pixels, labels in uint8 and image_shape (28, 28).

    Raises
    ------
    ValueError
        If `labels` or `threshold` is not as above.
    DataError
        If a file in `folder` differs from MNIST's, or no source has the files.
    """
    threshold = check_threshold(threshold)
    return binarise(*load_mnist_images(labels, cache=cache, folder=folder), threshold)


def load_mnist_images(
    labels: Sequence[int] = (2, 3),
    *,
    cache: PathLike | None = None,
    folder: PathLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the grey MNIST images of some digits and their labels, in the order of the source.

    Parameters and exceptions are those of `load_mnist`.

    Returns
    -------
    images : ndarray of uint8, shape (N, 28, 28)
        Grey levels, 0 (background) to 255.
    labels : ndarray of uint8, shape (N,)
    """
    selected = _check_labels(labels)
    folder = folder or os.environ.get("BITMIX_DATA")
    cache = cache or os.environ.get("BITMIX_CACHE") or user_cache_dir("bitmix")
    files = mnist_files(Path(folder).expanduser() if folder else None, Path(cache).expanduser())
    parts = []
    for part in ("train", "t10k"):
        name = f"{part}-images-idx3-ubyte"
        images = parse_idx(files[name], name)
        name = f"{part}-labels-idx1-ubyte"
        digits = parse_idx(files[name], name)
        chosen = np.isin(digits, selected)
        parts.append((images[chosen], digits[chosen]))
    images, digits = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images, digits


def _check_labels(labels: Sequence[int]) -> list[int]:
    allowed = "labels must be distinct digits of 0..9, at least one, e.g. (2, 3)"
    try:
        digits = [operator.index(label) for label in labels]
    except TypeError:
        raise ValueError(f"{allowed}; not {labels!r}") from None
    if not digits or len(set(digits)) < len(digits) or not set(digits) <= set(range(10)):
        raise ValueError(f"{allowed}; not {labels!r}")
    return digits
