"""What the notebooks share: what they start from, and the choices of the study.

Run by Snakemake, a notebook is given the files that earlier notebooks wrote. Opened alone in
JupyterLab it is given none, and makes what it needs itself with the study's settings, in seconds.
"""

import os
from collections.abc import Sequence

import numpy as np

from bitmix.chains import Latent, load_latents
from bitmix.data import Dataset, load_dataset, load_mnist, shuffle
from bitmix.partitions import coclustering
from bitmix.sampling.sampler import sample

PathLike = str | os.PathLike[str]

#: The seed of the study's shuffle and chains.
SEED = 2015
#: What the study calls the digits.
DIGITS = ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines")


def open_dataset(data_file: PathLike = "") -> Dataset:
    """Return the images in `data_file`; without a file, the study's twos and threes, shuffled."""
    return load_dataset(data_file) if data_file else shuffle(load_mnist(), SEED)


def open_chains(chain_files: Sequence[PathLike], dataset: Dataset) -> list[Latent]:
    """Return the latents in `chain_files`; without files, the study's chains, sampled here.

    Raises
    ------
    ValueError
        If a file's chain was not sampled from `dataset`.
    """
    if not chain_files:
        return sample(dataset.x, seed=SEED, observed=dataset.observed)
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
    return dataset.take(slice(limit))


def label_counts(dataset: Dataset) -> dict[int | str, int]:
    """Return how many images each label has, in the order of the labels."""
    if dataset.labels is None:
        return {}
    labels, counts = np.unique(dataset.labels, return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def frequencies(dataset: Dataset) -> np.ndarray:
    """Return how often each pixel is on where it is observed, shape (D,); nan if it never is."""
    seen = len(dataset.x) if dataset.observed is None else dataset.observed.sum(axis=0)
    on = dataset.x.sum(axis=0, dtype=float)
    return np.divide(on, seen, out=np.full(len(on), np.nan), where=np.greater(seen, 0))


def cluster_means(dataset: Dataset, assignments: np.ndarray, clusters: int) -> np.ndarray:
    """Return how often each pixel is on in the first clusters, shape (clusters, D).

    Nan where no vector of the cluster has the pixel.
    """
    return _weighted_means(dataset, np.arange(clusters)[:, None] == assignments)


def company(dataset: Dataset, assignments: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean of the others with which vectors share clusters, by how often they do.

    Parameters
    ----------
    dataset : Dataset
    assignments : (S, N) int
        Partitions of its vectors.
    rows : (R,) int
        Which vectors.

    Returns
    -------
    means : (R, D)
        Nan for a vector that never shares a cluster with another that has the pixel.
    """
    weights = coclustering(assignments, rows, np.arange(len(dataset.x)))
    weights[np.arange(len(rows)), rows] = 0
    return _weighted_means(dataset, weights)


def _weighted_means(dataset: Dataset, weights: np.ndarray) -> np.ndarray:
    """Weighted means of the vectors, (R, D), for weights (R, N); missing pixels have none."""
    weights = weights.astype(np.float32)  # x as float64 would be eight times as large as it is
    on = weights @ dataset.x.astype(np.float32)
    observed = dataset.observed
    seen = weights.sum(axis=1, keepdims=True) if observed is None else weights @ observed
    return np.divide(on, seen, out=np.full(on.shape, np.nan), where=seen > 0)


def describe(dataset: Dataset, row: int) -> str:
    """Say what a row is, as the beginning of a title: "An image labelled 3"."""
    kind = "A vector" if dataset.image_shape is None else "An image"
    return kind if dataset.labels is None else f"{kind} labelled {dataset.labels[row]}"


def choose_queries(dataset: Dataset, per_label: int) -> np.ndarray:
    """Choose the first images of each label, in the order of the labels.

    The images of a run are shuffled by its seed, so these are a random choice.

    Parameters
    ----------
    dataset : Dataset
    per_label : int
        How many images of each label; all of a label that has fewer. Images without labels count
        as images of one label.

    Returns
    -------
    rows : (at most labels * per_label,) int
        Rows of `dataset.x`.
    """
    if dataset.labels is None:
        return np.arange(min(per_label, len(dataset.x)))
    chosen = [np.flatnonzero(dataset.labels == label) for label in np.unique(dataset.labels)]
    return np.concatenate([rows[:per_label] for rows in chosen])


def half_seen(dataset: Dataset) -> np.ndarray:
    """Return a mask of what is shown of vectors to complete: half of the pixels, less the missing.

    Returns
    -------
    observed : (D,) bool, or (N, D) where pixels of the data are missing
        True in the upper half of an image, or in the first half of a vector without a shape.
    """
    pixels = dataset.x.shape[1]
    shape = dataset.image_shape
    half = np.arange(pixels) < pixels // 2 if shape is None else top_half(shape)
    return half if dataset.observed is None else half & dataset.observed


def top_half(image_shape: tuple[int, int]) -> np.ndarray:
    """Return a mask, shape (rows * columns,): True for the pixels in the upper half of an image."""
    rows, columns = image_shape
    return np.repeat(np.arange(rows) < rows // 2, columns)
