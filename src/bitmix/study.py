"""What the notebooks start from: the files of an earlier stage, or the same made on the spot.

Run by Snakemake, a notebook is given the files that earlier notebooks wrote. Opened alone in
JupyterLab it is given none, and makes what it needs itself with the study's settings, in seconds.
"""

import os
from collections.abc import Sequence

import numpy as np

from bitmix.data import Dataset, load_dataset, load_mnist, shuffle
from bitmix.latents import Latent, load_latents
from bitmix.sampler import sample

PathLike = str | os.PathLike[str]


def open_dataset(data_file: PathLike = "") -> Dataset:
    """Return the images in `data_file`; without a file, the study's twos and threes, shuffled."""
    return load_dataset(data_file) if data_file else shuffle(load_mnist(), seed=0)


def open_chains(chain_files: Sequence[PathLike], dataset: Dataset) -> list[Latent]:
    """Return the latents in `chain_files`; without files, the study's chains, sampled here.

    Raises
    ------
    ValueError
        If a file's chain was not sampled from `dataset`.
    """
    if not chain_files:
        return sample(dataset.x)
    latents = [load_latents(file) for file in chain_files]
    for file, latent in zip(chain_files, latents, strict=True):
        if latent.data_sha256 != dataset.sha256:
            raise ValueError(
                f"{file} was sampled from other images than these "
                f"(data sha256 {latent.data_sha256[:12]}..., here {dataset.sha256[:12]}...): "
                "sample the chain again, or open the images it was sampled from"
            )
    return latents


def first(dataset: Dataset, limit: int | None) -> Dataset:
    """Return the first `limit` images of `dataset`, or all of them if `limit` is None.

    Raises
    ------
    ValueError
        If there are fewer than `limit` images.
    """
    if limit is None:
        return dataset
    if limit > len(dataset.x):
        raise ValueError(f"limit is {limit}, but there are only {len(dataset.x)} images")
    labels = None if dataset.labels is None else dataset.labels[:limit]
    return Dataset(dataset.x[:limit], labels, dataset.image_shape)


def choose_queries(dataset: Dataset, per_label: int) -> np.ndarray:
    """Choose the first images of each label, in the order of the labels.

    The images of a run are shuffled by its seed, so these are a random choice.

    Parameters
    ----------
    dataset : Dataset
        Images with labels.
    per_label : int
        How many images of each label.

    Returns
    -------
    rows : (labels * per_label,) int
        Rows of `dataset.x`.

    Raises
    ------
    ValueError
        If a label has fewer than `per_label` images.
    """
    chosen = []
    for label in np.unique(dataset.labels):
        rows = np.flatnonzero(dataset.labels == label)
        if len(rows) < per_label:
            raise ValueError(
                f"per_label is {per_label}, but only {len(rows)} images are labelled {label}: "
                "ask for fewer, or use more images"
            )
        chosen.append(rows[:per_label])
    return np.concatenate(chosen)


def top_half(image_shape: tuple[int, int]) -> np.ndarray:
    """Return a mask, shape (rows * columns,): True for the pixels in the upper half of an image."""
    rows, columns = image_shape
    return np.repeat(np.arange(rows) < rows // 2, columns)
