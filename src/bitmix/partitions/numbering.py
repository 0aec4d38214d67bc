"""Numbers of clusters, and entropies as integers."""

from __future__ import annotations

import numpy as np

from bitmix.kernel import vecmath
from bitmix.partitions.overlaps import overlaps

# Entropies are integers in this unit of nats, so their sums are exact; see overlaps.pyx.
UNIT = 2.0**-28


def as_labels(assignments: np.ndarray) -> np.ndarray:
    """Return partitions as int32, clusters numbered by first appearance, or raise ValueError."""
    assignments = np.asarray(assignments)
    if assignments.ndim != 2 or assignments.dtype.kind not in "iu" or assignments.size == 0:
        raise ValueError(
            "assignments must be whole numbers of shape (S, N), at least one partition of one "
            f"row, not {assignments.dtype} of shape {assignments.shape}; for one: "
            "assignments[None, :]"
        )
    return np.stack([renumbered(row) for row in assignments])


def renumbered(partition: np.ndarray) -> np.ndarray:
    """Number clusters from 0 in the order of their first rows."""
    _, first, labels = np.unique(partition, return_index=True, return_inverse=True)
    return first.argsort().argsort().astype(np.int32)[labels]


def by_size(partition: np.ndarray) -> np.ndarray:
    """Number clusters from 0, largest first. Ties have the order of their first rows."""
    labels = renumbered(partition)
    return np.argsort(-np.bincount(labels), kind="stable").argsort().astype(np.int32)[labels]


def n_log_n(rows: int) -> np.ndarray:
    """Return n log n for n = 0..N as integers in the unit."""
    n = np.arange(rows + 1.0)
    # the kernel's logarithm gives the same bits, hence the same consensus, on every machine
    return np.rint(n * vecmath("log_f64", np.maximum(n, 1)) / UNIT).astype(np.int64)


def distances_from(partition: np.ndarray, labels: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Return the variation of information of a partition from others of shape (S, N)."""
    own = f[np.bincount(partition)].sum()
    others = np.array([f[np.bincount(row)].sum() for row in labels])
    return (own + others - 2 * overlaps(partition, labels, f)[:, 0]) * (UNIT / len(partition))
