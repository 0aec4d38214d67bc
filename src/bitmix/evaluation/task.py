"""The task of an evaluation: rows to learn from, held-out rows, and their hidden features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitmix.data import Dataset, shuffle


@dataclass(frozen=True, eq=False)
class Task:
    """Learn from `train`, then predict the rows of `held_out` and their hidden features.

    Parameters
    ----------
    train, held_out : Dataset
        With labels, or both without.
    observed : ndarray of bool, shape (D,)
        True for the features that are observed when a row of `held_out` is completed.

    Raises
    ------
    ValueError
        If features are missing in the data.
    """

    train: Dataset
    held_out: Dataset
    observed: np.ndarray

    def __post_init__(self) -> None:
        if self.train.observed is not None or self.held_out.observed is not None:
            raise ValueError(
                "an evaluation needs complete rows: fill in missing values or set evaluation: null"
            )


def hold_out(dataset: Dataset, observed: np.ndarray, train: int | None, seed: int) -> Task:
    """Return the task of a run: its rows in their order before the shuffle, then divided.

    So the split does not depend on the seed of the run.

    Parameters
    ----------
    dataset : Dataset
        The rows of the run, shuffled with its seed.
    observed : ndarray of bool, shape (D,)
        True for the features that are observed when a row is completed.
    train : int or None
        The number of rows to train on; see `split`.
    seed : int
        The seed of the shuffle.

    Raises
    ------
    ValueError
        If features are missing, or there are not more than `train` rows.
    """
    return Task(*split(unshuffle(dataset, seed), train), observed)


def unshuffle(dataset: Dataset, seed: int) -> Dataset:
    """Return the rows in the order that they had before `bitmix.shuffle` with this seed.

    If `limit` cut the rows after the shuffle, that order is lost, and the result is random.
    """
    order = shuffle(Dataset(dataset.x, np.arange(len(dataset.x))), seed).labels
    return dataset.take(np.argsort(order))


def split(dataset: Dataset, train: int | None) -> tuple[Dataset, Dataset]:
    """Divide rows at random. The same number of rows gives the same split.

    The order is that of ``numpy.random.RandomState(0).permutation(N)``, which NumPy promises to
    keep. The reference scores for the twos and threes use this split with 10,000 training rows.

    Parameters
    ----------
    dataset : Dataset
    train : int or None
        The number of rows to train on; seven in ten if None.

    Returns
    -------
    train, held_out : Dataset

    Raises
    ------
    ValueError
        If there are not more than `train` rows.
    """
    n = len(dataset.x)
    train = n * 7 // 10 if train is None else train
    if not 0 < train < n:
        raise ValueError(
            f"train is {train}, but must be from 1 to {n - 1}: some of the {n} rows are held out"
        )
    order = np.random.RandomState(0).permutation(n)
    return dataset.take(order[:train]), dataset.take(order[train:])
