"""Data, chains and choices that the notebooks share.

In a run of Snakemake, a notebook gets the files that earlier jobs wrote. Opened alone in
JupyterLab, it gets no files. It then makes what it needs with the settings of the study, in
seconds.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bitmix.chains import Latent, load_latents
from bitmix.data import Dataset, load_dataset, load_mnist, shuffle, sources
from bitmix.io import read_json
from bitmix.sampling import sample

PathLike = str | os.PathLike[str]

#: The seed of the study's shuffle and chains.
SEED = 2015
#: The names of the digits in the study.
DIGITS = ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines")


def open_dataset(data_file: PathLike = "") -> Dataset:
    """Return the data in `data_file`; without a file, the study's twos and threes, shuffled."""
    return load_dataset(data_file) if data_file else shuffle(load_mnist(), SEED)


def open_chains(chain_files: Sequence[PathLike], dataset: Dataset) -> list[Latent]:
    """Return the latents in `chain_files`; without files, sample the study's chains.

    Raises
    ------
    ValueError
        If the chain in a file was not sampled from `dataset`.
    """
    if not chain_files:
        return sample(dataset.x, seed=SEED, observed=dataset.observed)
    latents = [load_latents(file) for file in chain_files]
    for file, latent in zip(chain_files, latents, strict=True):
        if latent.data_sha256 != dataset.sha256:
            raise ValueError(
                f"{file} was sampled from other rows than these (data sha256 "
                f"{latent.data_sha256[:12]}..., here {dataset.sha256[:12]}...): sample it again"
            )
    return latents


def open_run(
    data_file: PathLike = "", chain_files: Sequence[PathLike] = ()
) -> tuple[Dataset, list[Latent]]:
    """Return the data and the chains of a run, or without files those of the study.

    Errors are those of `open_chains`.
    """
    dataset = open_dataset(data_file)
    return dataset, open_chains(chain_files, dataset)


def open_mixed_run(
    data_file: PathLike = "", chain_files: Sequence[PathLike] = ()
) -> tuple[Dataset, list[Latent]]:
    """Return the data and the chains of a run, or without files a small run that has mixed.

    Errors are those of `open_chains`.
    """
    return open_run(data_file, chain_files) if chain_files else mixed_run()


def sampling_time(latents: Sequence[Latent], times_files: Sequence[PathLike] = ()) -> str:
    """Say how long the chains took, all together.

    Parameters
    ----------
    latents : sequence of Latent
    times_files : sequence of path-like
        The seconds of each chain by sweep, as JSON. A run of Snakemake keeps them there, because
        the files of chains hold no times.
    """
    sweeps = [read_json(Path(file))["seconds"] for file in times_files]
    sweeps = sweeps or [latent.trace["seconds"].tolist() for latent in latents]
    if any(second is None for chain in sweeps for second in chain):
        return "mcmc continued from a checkpoint, so its time is not known"
    return f"mcmc took {math.fsum(map(math.fsum, sweeps)):.2f} seconds"


def kept_states(
    latents: Sequence[Latent], dataset: Dataset, warmup: int | None = None
) -> list[list[Latent]]:
    """Return the kept states of each chain after the warmup; see `Latent.states`."""
    return [latent.states(dataset.x, dataset.observed, warmup) for latent in latents]


def mixed_run() -> tuple[Dataset, list[Latent]]:
    """Return a small data set and chains of it that have mixed.

    The rows are a hundred images of the digits 0 and 1. They have so few pixels that sampling takes
    a few seconds. The hyperparameters are fixed.
    """
    digits, _ = sources.load("mnist", labels=[0, 1], image_shape=[7, 7], threshold=63)
    dataset = shuffle(digits, SEED).first(100)
    latents = sample(
        dataset.x,
        chains=4,
        sweeps=4000,
        thin=10,
        initial="seeded",
        initial_clusters=10,
        moves=("assign", "split_merge"),
        proposals=2,
        seed=SEED,
    )
    return dataset, latents


def label_counts(dataset: Dataset, source: str = "") -> dict[int | str, int]:
    """Return how many rows have each label, in the order of the labels.

    The labels of the source "mnist" have names, such as twos.
    """
    if dataset.labels is None:
        return {}
    labels, counts = np.unique(dataset.labels, return_counts=True)
    names = [DIGITS[label] for label in labels] if source == "mnist" else labels.tolist()
    return dict(zip(names, counts.tolist(), strict=True))


def choose_queries(dataset: Dataset, per_label: int) -> np.ndarray:
    """Choose the first rows of each label, in the order of the labels.

    The rows of a run are shuffled, so this choice is random.

    Parameters
    ----------
    dataset : Dataset
    per_label : int
        The number of rows of each label. A label with fewer gives all. Rows without labels count as
        rows of one label.

    Returns
    -------
    rows : ndarray of int, at most labels * per_label of them
        Rows of `dataset.x`.
    """
    if dataset.labels is None:
        return np.arange(min(per_label, len(dataset.x)))
    chosen = [np.flatnonzero(dataset.labels == label) for label in np.unique(dataset.labels)]
    return np.concatenate([rows[:per_label] for rows in chosen])


def half_seen(dataset: Dataset) -> np.ndarray:
    """Return a mask of half of the features, for the completion of the other half.

    Returns
    -------
    observed : ndarray of bool, shape (D,), or (N, D) where features of the data are missing
        True in the upper half of an image, or in the first half of a row without an image shape.
    """
    features = dataset.x.shape[1]
    shape = dataset.image_shape
    half = np.arange(features) < features // 2 if shape is None else top_half(shape)
    return half if dataset.observed is None else half & dataset.observed


def random_mask(dataset: Dataset, share: float, seed: int) -> np.ndarray:
    """Return a mask of some observed features of each row, drawn at random, shape (N, D)."""
    seen = np.random.default_rng(seed).random(dataset.x.shape) < share
    return seen if dataset.observed is None else seen & dataset.observed


def top_half(image_shape: tuple[int, int]) -> np.ndarray:
    """Return a mask, shape (rows * columns,): True for the pixels in the upper half of an image."""
    rows, columns = image_shape
    return np.repeat(np.arange(rows) < rows // 2, columns)
