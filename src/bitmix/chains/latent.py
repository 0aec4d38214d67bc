"""The state of a chain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.blocks import blocks
from bitmix.chains.checks import SAMPLES, check_latent, sample_shapes
from bitmix.data import as_binary, data_sha256


@dataclass(frozen=True, eq=False, repr=False)
class Latent:
    """The state of one chain, with its trace, its kept states and its origin.

    N rows of D features are in K clusters, numbered 0..K-1. None is empty. The arrays are checked
    against each other, so that a latent is always consistent.

    Parameters
    ----------
    assignments : ndarray of int32, shape (N,)
        The cluster of each row.
    sizes : ndarray of int64, shape (K,)
        The number of rows in each cluster.
    counts : ndarray of int32, shape (K, D)
        The number of rows in the cluster that have the feature on (the heads; the tails are
        ``sizes[:, None] - counts``).
    alpha, beta : ndarray of float64, shape (D,)
        The Beta prior of each feature's probability to be on.
    concentration : float
        The concentration of the Chinese restaurant process.
    trace : dict of ndarray, shape (sweeps,)
        By sweep: `log_joint` (float64, nats), `clusters` (int64), `concentration` (float64),
        `largest` (int64, size of the largest cluster), `entropy` (float64, nats, see
        `size_entropy`), `moved` (int64, rows that changed cluster in the move `assign`) and
        `seconds` (float64, all moves). Each move adds `<move>_seconds` (float64) and what it
        reports, for example `splits_proposed` (int64 or float64). Files hold no times: they are nan
        for the sweeps that were read from one. A chain of schema 1 lacks some: its `largest` is 0
        and its `entropy` nan.
    config : dict of builtins
        The settings of the run.
    seed, chain : int
        The seed of the run, and the number of the chain.
    data_sha256 : str
        `bitmix.data.data_sha256` of the rows.
    generator : dict of builtins
        The state of the chain's bit generator after the last sweep; {} if it is not known.
    observed : ndarray of int32, shape (K, D), optional
        If features are missing: the number of rows in the cluster that have the feature observed.
        The tails are then ``observed - counts``.
    samples : dict of ndarray, optional
        The S kept states: `sweep` (int64, (S,), ascending from 1), `assignments` (int32, (S, N)),
        `alpha` and `beta` (float64, (S, D)) and `concentration` (float64, (S,)). None means S = 0.
    code_sha256 : str
        The sha256 of the code that sampled the chain; "" if not known.

    Raises
    ------
    ValueError
        If an item has the wrong type or shape, or contradicts another.
    """

    assignments: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    concentration: float
    trace: dict[str, np.ndarray]
    config: dict[str, Any]
    seed: int
    chain: int
    data_sha256: str
    generator: dict[str, Any]
    observed: np.ndarray | None = None
    samples: dict[str, np.ndarray] = None  # type: ignore[assignment]  # never None afterwards
    code_sha256: str = ""

    def __post_init__(self) -> None:
        if self.samples is None:
            object.__setattr__(self, "samples", stack_samples([], *self._shape))
        check_latent(self)

    def __repr__(self) -> str:
        rows, features = self._shape
        return (
            f"<Latent: chain {self.chain} of seed {self.seed}, {rows:,} rows of {features}"
            f" features in {len(self.sizes)} clusters after {self.sweeps} sweeps>"
        )

    @property
    def _shape(self) -> tuple[int, int]:
        """(N, D)"""
        return np.size(self.assignments), np.size(self.alpha)

    @property
    def partition_prior(self) -> str:
        """The prior of the assignments, see `bitmix.model.PARTITION_PRIORS`."""
        return self.config.get("partition_prior", "dp")  # older chains have no such setting

    @property
    def annealing(self) -> int:
        """The number of first sweeps that are annealed."""
        return self.config.get("annealing", 0)  # older chains have no such setting

    @property
    def sweeps(self) -> int:
        """The number of sweeps that the chain has made."""
        return len(self.trace["log_joint"])

    def log_joint(self) -> float:
        """Return log p(x, z | alpha, beta, concentration), in nats.

        It is the log probability of the partition under its prior, plus that of the features. Each
        feature is Beta-Bernoulli in each cluster, with its probability integrated out.
        """
        return kernel.log_joint(
            self.sizes,
            self.counts,
            self.alpha,
            self.beta,
            self.concentration,
            self.observed,
            self.partition_prior,
        )

    @property
    def tails(self) -> np.ndarray:
        """The number of rows in each cluster that have each feature off, shape (K, D)."""
        return (self.sizes[:, None] if self.observed is None else self.observed) - self.counts

    def warmup(self, warmup: int | None = None) -> int:
        """Return the number of warmup sweeps: `warmup`, or half of all sweeps.

        Annealed sweeps always belong to the warmup.

        Parameters
        ----------
        warmup : int, optional
            Sweeps to leave out. None leaves out half of them, rounded down.

        Raises
        ------
        ValueError
            If no sweep would be left.
        """
        if warmup is None:
            warmup = self.sweeps // 2
        if not 0 <= warmup < self.sweeps:
            raise ValueError(
                f"warmup is {warmup}, but chain {self.chain} has {self.sweeps} sweeps: "
                "leave out fewer, or sample more"
            )
        return max(warmup, min(self.annealing, self.sweeps - 1))

    def after_warmup(self, warmup: int | None = None) -> np.ndarray:
        """Return the indices of the kept states after the warmup; see `warmup`."""
        return np.flatnonzero(self.samples["sweep"] > self.warmup(warmup))

    def own_data(self, x: Any, observed: np.ndarray | None = None) -> tuple[Any, np.ndarray | None]:
        """Return `bitmix.data.as_binary` of the rows that the chain was sampled from.

        Raises
        ------
        ValueError
            If it was sampled from other rows.
        """
        x, observed = as_binary(x, observed)
        if data_sha256(x, observed) != self.data_sha256:
            raise ValueError(f"chain {self.chain} was sampled from other rows than this x")
        return x, observed

    def states(
        self, x: Any, observed: np.ndarray | None = None, warmup: int | None = None
    ) -> list[Latent]:
        """Return the kept states after the warmup, or the last state if there is none.

        Parameters
        ----------
        x : array, PackedRows or matrix of scipy.sparse, shape (N, D)
            The rows that the chain was sampled from. The counts are recomputed from them.
        observed : array of bool, shape (N, D), optional
            Their mask, if features are missing.
        warmup : int, optional
            Sweeps to leave out; half of them by default.

        Returns
        -------
        states : list of Latent
            Each has the trace up to its sweep, no samples and no generator.

        Raises
        ------
        ValueError
            If the chain was sampled from other rows, or the warmup leaves no sweep.
        """
        kept = self.after_warmup(warmup)
        if len(kept) == 0:
            return [self]
        x, observed = self.own_data(x, observed)
        return [self._state(sample, x, observed) for sample in kept]

    def _state(self, sample: int, x: Any, observed: np.ndarray | None) -> Latent:
        """Return one kept state by its index."""
        sweep, assignments, alpha, beta, concentration = (
            self.samples[name][sample] for name in SAMPLES
        )
        return replace(
            self,
            assignments=assignments,
            sizes=np.bincount(assignments),
            counts=_sums(x, assignments),
            observed=None if observed is None else _sums(observed, assignments),
            alpha=alpha,
            beta=beta,
            concentration=float(concentration),
            trace={name: values[:sweep] for name, values in self.trace.items()},
            samples=stack_samples([], *self._shape),
            generator={},
        )


def size_entropy(sizes: np.ndarray) -> float:
    """Return the entropy of a partition, -sum_k n_k/N log n_k/N, in nats.

    Parameters
    ----------
    sizes : ndarray of int, shape (K,)
        The sizes n_k of its clusters, all positive.
    """
    shares = np.asarray(sizes) / np.sum(sizes)
    # the kernel's logarithm and an exact sum: the same bits on every machine
    return -math.fsum(shares * kernel.vecmath("log_f64", shares))


def stack_samples(states: Sequence[tuple], rows: int, features: int) -> dict[str, np.ndarray]:
    """Return kept states, tuples of the items of `SAMPLES`, as one array per item."""
    columns = zip(*states, strict=True) if states else [()] * len(SAMPLES)
    shapes = sample_shapes(len(states), rows, features)
    return {
        name: np.array(column, SAMPLES[name]).reshape(shape)
        for (name, shape), column in zip(shapes.items(), columns, strict=True)
    }


def _sums(x: Any, assignments: np.ndarray) -> np.ndarray:
    """Return the sum of the rows of each cluster, shape (K, D)."""
    sums = np.zeros((assignments.max() + 1, x.shape[1]), np.int32)
    for rows, block in blocks(x):
        order = np.argsort(assignments[rows], kind="stable")
        present, starts = np.unique(assignments[rows][order], return_index=True)
        sums[present] += np.add.reduceat(block[order], starts, axis=0, dtype=np.int32)
    return sums
