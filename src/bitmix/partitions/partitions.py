"""Summaries of many partitions of the same vectors: how they differ, and what they agree on.

Partitions come as an array of shape (S, N): the cluster of each of N vectors in each of S
partitions. The numbers of the clusters mean nothing but who is together; `kept` makes such an array
of chains. All results are the same whatever the clusters are called and however the partitions are
ordered.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bitmix.arguments import check_integer
from bitmix.chains import Latent, common
from bitmix.io import atomic_write, finite, write_json
from bitmix.kernel import permutation, vecmath
from bitmix.partitions.overlaps import Search, overlaps
from bitmix.streams import stream

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Entropies are whole numbers of this many nats, so that their sums are exact; see _partitions.pyx.
_UNIT = 2.0**-28
_BLOCK = 1000  # rows of a sparse matrix that are made at a time


def of_chains(
    latents: Sequence[Latent], warmup: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the partitions that chains kept after their warmup, or else their last ones.

    Parameters
    ----------
    latents : sequence of Latent
        Chains of the same vectors, at least one.
    warmup : int, optional
        How many sweeps to leave out; half of them unless given. A chain that kept nothing after
        these gives its last partition.

    Returns
    -------
    assignments : ndarray of int32, shape (S, N)
        Those of the first chain come first.
    chains : ndarray of int, shape (S,)
        Which of the latents each is of.

    Raises
    ------
    ValueError
        If the latents differ in their number of vectors, or `warmup` leaves nothing of a chain.
    """
    common(latents, "vectors", lambda latent: len(latent.assignments))
    partitions = [_after(latent, warmup) for latent in latents]
    chains = np.repeat(np.arange(len(partitions)), [len(rows) for rows in partitions])
    return np.concatenate(partitions), chains


def _after(latent: Latent, warmup: int | None) -> np.ndarray:
    rows = latent.samples["assignments"][latent.after_warmup(warmup)]
    return rows if len(rows) else latent.assignments[None]


# Comparison -------------------------------------------------------------------------------------


def variation_of_information(
    first: np.ndarray, second: np.ndarray, *, normalised: bool = False
) -> float:
    """Return how much two partitions differ: H(first | second) + H(second | first).

    This metric is what is lost and gained of the entropy of the clusters in going from one to the
    other (Meila 2007, "Comparing clusterings - an information based distance"). It is within
    2e-9 nats.

    Parameters
    ----------
    first, second : arrays of int, shape (N,)
        The cluster of each vector.
    normalised : bool, default False
        Divide by log N, the largest that it can be with N vectors (Meila 2007).

    Returns
    -------
    vi : float, in nats, or from 0 to 1

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    if np.ndim(first) != 1 or np.shape(first) != np.shape(second):
        raise ValueError(
            f"two partitions must have the same shape (N,), not {np.shape(first)} and "
            f"{np.shape(second)}"
        )
    vi = float(pairwise(np.stack([first, second]))[0][0, 1])
    return vi / np.log(len(first)) if normalised and vi > 0 else vi


def pairwise(assignments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare every partition with every other.

    Parameters
    ----------
    assignments : array of int, shape (S, N)

    Returns
    -------
    vi : ndarray of float64, shape (S, S)
        The `variation_of_information`, in nats.
    ari : ndarray of float64, shape (S, S)
        The adjusted Rand index: 1 for the same partition, 0 on average by chance (Hubert and Arabie
        1985, "Comparing partitions", eq. 5).

    Raises
    ------
    ValueError
        If `assignments` is not as above.
    """
    labels = _labels(assignments)
    size, vectors = labels.shape
    f = _n_log_n(vectors)
    sums = np.zeros((size, size, 2), np.int64)
    for s in range(size):
        sums[s, s:] = sums[s:, s] = overlaps(labels[s], labels[s:], f)
    # With itself, a partition has the sums of its own clusters.
    information, pairs = sums[..., 0], sums[..., 1].astype(float)
    own, own_pairs = information.diagonal(), pairs.diagonal()
    vi = (own[:, None] + own - 2 * information) * (_UNIT / vectors)
    # From the same counts: scikit-learn takes as long for one pair as this for a hundred.
    expected = np.outer(own_pairs, own_pairs) / max(vectors * (vectors - 1) / 2, 1)
    largest = (own_pairs[:, None] + own_pairs) / 2
    ari = np.ones_like(vi)
    np.divide(pairs - expected, largest - expected, out=ari, where=largest > expected)
    return vi, ari


def agreement(values: np.ndarray, chains: np.ndarray) -> np.ndarray:
    """Return the mean of pairwise comparisons between the partitions of two chains, and within one.

    Parameters
    ----------
    values : array, shape (S, S)
        Either result of `pairwise`.
    chains : array of int, shape (S,)
        The chain of each partition, from 0 to C - 1, as `kept` returns.

    Returns
    -------
    means : ndarray of float64, shape (C, C)
        A partition is not compared with itself: nan in the diagonal for a chain with only one.
    """
    member = np.eye(np.max(chains) + 1)[chains]
    pairs = member.T @ (1 - np.eye(len(chains))) @ member
    totals = member.T @ (values - np.diag(np.diag(values))) @ member
    return np.divide(totals, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)


# Co-clustering ----------------------------------------------------------------------------------


def coclustering(
    assignments: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray | None = None,
    *,
    most_memory: float = 2e9,
) -> np.ndarray:
    """Return the probability that vectors share a cluster: the share of partitions where so.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
    rows, columns : arrays of int, shapes (R,) and (C,)
        Which of the vectors, and which others; the same unless given. The result has R x C entries:
        choose a few.
    most_memory : float, default 2 GB
        How many bytes the result may take.

    Returns
    -------
    probabilities : ndarray of float64, shape (R, C)

    Raises
    ------
    ValueError
        If an argument is not as above, or the result would take too much memory.
    """
    labels = _labels(assignments)
    rows = _indices("rows", rows, labels.shape[1])
    columns = rows if columns is None else _indices("columns", columns, labels.shape[1])
    _check_memory(
        f"the {rows.size:,} x {columns.size:,} probabilities take",
        8.0 * rows.size * columns.size,
        most_memory,
        "ask for fewer rows, or for `coclustering_above` a threshold",
    )
    together = np.zeros((rows.size, columns.size))
    for partition in labels:
        together += partition[rows, None] == partition[columns]
    return together / len(labels)


def coclustering_above(
    assignments: np.ndarray, threshold: float, *, most_memory: float = 2e9
) -> "csr_array":
    """Return the probabilities to share a cluster that reach a threshold, as a sparse matrix.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
    threshold : float
        Above 0, at most 1. The lower, the more entries.
    most_memory : float, default 2 GB
        How many bytes the result may take.

    Returns
    -------
    probabilities : csr_array of float64, shape (N, N)
        Symmetric, with ones in the diagonal; what is below the threshold is not stored.

    Raises
    ------
    ValueError
        If an argument is not as above, or the result might take too much memory. Its entries are
        at most the pairs that share a cluster in a mean partition, divided by the threshold.
    """
    from scipy import sparse  # slow to import, and used only here

    labels = _labels(assignments)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    size, vectors = labels.shape
    sizes = [np.bincount(row) for row in labels]
    pairs = sum(float(np.dot(n, n)) for n in sizes) / size
    _check_memory(
        f"the probabilities from {threshold} take up to",
        min(pairs / threshold, float(vectors) ** 2) * 12,
        most_memory,
        "ask for a higher threshold, or for `coclustering` of some rows",
    )
    offsets = np.cumsum([0, *map(len, sizes)])
    columns = (labels + offsets[:-1, None]).T.ravel()
    starts = np.arange(0, columns.size + 1, size)
    member = sparse.csr_array((np.ones(columns.size), columns, starts), (vectors, offsets[-1]))
    blocks = []
    for first in range(0, vectors, _BLOCK):
        block = member[first : first + _BLOCK] @ member.T
        block.data /= size
        block.data[block.data < threshold] = 0
        block.eliminate_zeros()
        blocks.append(block)
    probabilities = sparse.vstack(blocks, format="csr")
    probabilities.sort_indices()
    return probabilities


# Consensus --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Ball:
    """A credible ball of partitions round a consensus (Wade and Ghahramani 2018).

    Of the partitions given, those within the radius are a share of at least `probability`. Its
    bounds are the ones furthest from the consensus, by the variation of information, among all of
    these, or among those with the fewest or the most clusters.

    Parameters
    ----------
    probability : float
        How much of the posterior it must hold.
    radius : float
        In nats, the smallest that does.
    horizontal : int
        Which of the given partitions is the furthest.
    upper, lower : int
        Which is the furthest of those with the fewest clusters, and with the most.
    """

    probability: float
    radius: float
    horizontal: int
    upper: int
    lower: int


@dataclass(frozen=True, eq=False)
class Consensus:
    """One partition for many, and how far to trust it.

    Parameters
    ----------
    assignments : ndarray of int32, shape (N,)
        The cluster of each vector, the largest cluster being 0.
    expected_vi : float
        Its mean variation of information from the given partitions, in nats.
    uncertainty : ndarray of float64, shape (N,)
        1 - the probability that the vector shares a cluster with another of its consensus cluster,
        averaged over these; for a vector that is alone, 1 - the probability that it is.
    distances : ndarray of float64, shape (S,)
        The variation of information of each given partition, in nats.
    ball : Ball
    """

    assignments: np.ndarray
    expected_vi: float
    uncertainty: np.ndarray
    distances: np.ndarray
    ball: Ball

    @property
    def sizes(self) -> np.ndarray:
        """How many vectors each cluster has, shape (K,), descending."""
        return np.bincount(self.assignments)

    @property
    def certainty(self) -> np.ndarray:
        """1 - the mean uncertainty of the vectors of each cluster, shape (K,)."""
        return 1 - np.bincount(self.assignments, self.uncertainty) / self.sizes


def consensus(
    assignments: np.ndarray, *, starts: int = 4, seed: int = 0, probability: float = 0.95
) -> Consensus:
    """Find the partition with the least mean variation of information from those given.

    With samples of a posterior this is the Bayes estimate under that loss (Wade and Ghahramani
    2018, "Bayesian cluster analysis: point estimation and credible balls"). The search is that of
    Dahl, Johnson and Mueller (2022, "Search algorithms and loss functions for Bayesian clustering",
    SALSO): each vector in turn goes where it costs least, until none moves; each cluster is broken
    up and its vectors are placed anew one by one, which stays if it costs less; and again, until
    nothing does. The first start is the best of the given partitions, the second has all vectors
    together, and in each further one they are placed one by one in random order. Not every optimum
    is found, but of 14,131 images in 400 clusters the starts differ by 1%.

    Where the partitions differ, vectors of which it is not certain with which others they belong
    cost least in small clusters of their own: of these a consensus may have more than any sample.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
        Samples of the posterior. Of independent chains that have not mixed they are a sample of
        what the chains arrive at.
    starts : int, default 4
    seed : int, default 0
        Of the random orders.
    probability : float, default 0.95
        Of the credible ball.

    Returns
    -------
    consensus : Consensus

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    starts = check_integer("starts", starts)
    if not 0 < probability <= 1:
        raise ValueError(f"probability must be above 0 and at most 1, not {probability}")
    labels = _labels(assignments)
    # Sorted, so that not even a tie depends on the order in which they came.
    order = sorted(range(len(labels)), key=lambda row: labels[row].tobytes())
    labels = labels[order]
    f = _n_log_n(labels.shape[1])
    if labels.size * float(f[-1]) / labels.shape[1] > 2.0**61:
        raise ValueError(
            f"{labels.shape[0]:,} partitions of {labels.shape[1]:,} vectors are too many for exact "
            "sums: take every second, or fewer"
        )
    found = [_by_size(start) for start in _optima(labels, f, starts, seed)]
    expected = [_distances(partition, labels, f).mean() for partition in found]
    best = found[int(np.argmin(expected))]
    distances = np.empty(len(order))
    distances[order] = _distances(best, labels, f)
    return Consensus(
        assignments=best,
        expected_vi=float(min(expected)),
        uncertainty=_uncertainty(best, labels),
        distances=distances,
        ball=_ball(distances[order], labels.max(axis=1), order, probability),
    )


def _optima(labels: np.ndarray, f: np.ndarray, starts: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the partitions, shape (N,), that the search ends with, one for each start."""
    everyone = np.arange(labels.shape[1], dtype=np.int32)
    for start in range(starts):
        search = Search(labels, f)
        if start == 0:
            search.place(everyone, labels[pairwise(labels)[0].mean(axis=1).argmin()])
        elif start == 1:
            search.place(everyone, np.zeros_like(everyone))
        else:
            search.reallocate(permutation(stream(seed, "partitions", start), everyone.size))
        while _sweep(search) or _break_up(search):
            pass
        yield search.assignments


def _sweep(search: Search) -> bool:
    """Move each vector to where it costs least; return whether any moved."""
    # Vectors of one cluster have their overlaps in common: one after another, they stay in cache.
    order = np.argsort(search.assignments, kind="stable").astype(np.int32)
    return search.reallocate(order) < 0


def _break_up(search: Search) -> bool:
    """Place the vectors of each cluster anew, where that costs less; return whether any did."""
    improved = False
    for cluster in range(search.assignments.max() + 1):
        members = np.flatnonzero(search.assignments == cluster).astype(np.int32)
        if search.remove(members) + search.reallocate(members) < 0:
            improved = True
        else:
            search.place(members, np.full(len(members), cluster, np.int32))
    return improved


def _uncertainty(partition: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`Consensus.uncertainty` of a partition, given others of shape (S, N)."""
    others = np.bincount(partition)[partition] - 1
    alone = others == 0
    certainty = np.zeros(len(partition))
    for row in labels:
        cells = partition.astype(np.int64) * len(row) + row
        _, cell, sizes = np.unique(cells, return_inverse=True, return_counts=True)
        together = (sizes[cell] - 1) / np.maximum(others, 1)
        certainty += np.where(alone, np.bincount(row)[row] == 1, together)
    return 1 - certainty / len(labels)


def _ball(
    distances: np.ndarray, clusters: np.ndarray, order: Sequence[int], probability: float
) -> Ball:
    """The credible ball of partitions at these distances, whose places are those in `order`."""
    radius = np.quantile(distances, probability, method="inverted_cdf")
    inside = np.flatnonzero(distances <= radius)
    furthest = {
        "horizontal": max(inside, key=lambda row: distances[row]),
        "upper": max(inside, key=lambda row: (-clusters[row], distances[row])),
        "lower": max(inside, key=lambda row: (clusters[row], distances[row])),
    }
    places = {bound: order[row] for bound, row in furthest.items()}
    return Ball(probability=probability, radius=float(radius), **places)


# What is shown and written of it ----------------------------------------------------------------


def block_rows(found: Consensus, clusters: int = 12, most: int = 30) -> np.ndarray:
    """Choose vectors whose co-clustering shows blocks: some of each of the largest clusters.

    Parameters
    ----------
    found : Consensus
    clusters : int
        Of how many clusters.
    most : int
        How many of a cluster, its first ones.

    Returns
    -------
    rows : ndarray of int, shape (at most clusters * most,)
        Those of a cluster follow each other, the most certain first.
    """
    members = [np.flatnonzero(found.assignments == cluster)[:most] for cluster in range(clusters)]
    return np.concatenate([rows[_by_certainty(found, rows)] for rows in members])


def extremes(found: Consensus, most: int = 12, smallest: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Choose vectors whose cluster is the most, and the least, certain.

    Parameters
    ----------
    found : Consensus
    most : int
        How many of either, at most.
    smallest : int
        Both are from clusters of at least this size, or of the largest size if none has it: of
        small ones nearly all vectors are as uncertain as can be.

    Returns
    -------
    certain, uncertain : ndarrays of int
        Their rows, the most and the least certain first; as many of either. The most certain are
        one of each cluster.
    """
    rows = _by_certainty(found, np.arange(len(found.assignments)))
    clusters = found.assignments[rows]
    large = rows[found.sizes[clusters] >= min(smallest, found.sizes[0])]
    first = np.unique(found.assignments[large], return_index=True)[1]
    certain = large[np.sort(first)[:most]]
    return certain, large[::-1][: len(certain)]


def _by_certainty(found: Consensus, rows: np.ndarray) -> np.ndarray:
    return np.argsort(found.uncertainty[rows], kind="stable")


def write_consensus(
    path: str | os.PathLike[str], found: Consensus, agreements: Mapping[str, np.ndarray]
) -> None:
    """Write a consensus as JSON, and beside it as CSV the cluster and uncertainty of each vector.

    Parameters
    ----------
    path : path-like
        Of the JSON file; that of the CSV file has the suffix .csv. Empty: nothing is written.
    found : Consensus
    agreements : mapping of str to ndarray
        By name, what `agreement` returned; nan becomes null.
    """
    if not path:
        return
    content = {
        "partitions": len(found.distances),
        "clusters": len(found.sizes),
        "sizes": found.sizes.tolist(),
        "expected_vi": found.expected_vi,
        "ball": asdict(found.ball),
        "agreement": {name: finite(means.tolist()) for name, means in agreements.items()},
    }
    write_json(path, content)
    columns = zip(found.assignments, found.uncertainty, strict=True)
    lines = (f"{row},{cluster},{doubt:.6f}\n" for row, (cluster, doubt) in enumerate(columns))
    with atomic_write(Path(path).with_suffix(".csv")) as file:
        file.write(f"row,cluster,uncertainty\n{''.join(lines)}".encode())


# Partitions as numbers --------------------------------------------------------------------------


def _labels(assignments: np.ndarray) -> np.ndarray:
    """Return partitions as int32, their clusters numbered as they come; or raise ValueError."""
    assignments = np.asarray(assignments)
    if assignments.ndim != 2 or assignments.dtype.kind not in "iu" or assignments.size == 0:
        raise ValueError(
            "assignments must be whole numbers of shape (S, N), at least one partition of one "
            f"vector, not {assignments.dtype} of shape {assignments.shape}; for one: "
            "assignments[None, :]"
        )
    return np.stack([_renumbered(row) for row in assignments])


def _renumbered(partition: np.ndarray) -> np.ndarray:
    """Number clusters from 0 in the order of their first vectors."""
    _, first, labels = np.unique(partition, return_index=True, return_inverse=True)
    return first.argsort().argsort().astype(np.int32)[labels]


def _by_size(partition: np.ndarray) -> np.ndarray:
    """Number clusters from 0, largest first, equal ones in the order of their first vectors."""
    labels = _renumbered(partition)
    return np.argsort(-np.bincount(labels), kind="stable").argsort().astype(np.int32)[labels]


def _n_log_n(vectors: int) -> np.ndarray:
    """Return n log n for n = 0..N, as whole numbers of the unit."""
    n = np.arange(vectors + 1.0)
    # the kernel's logarithm: the same bits, hence the same consensus, on every machine
    return np.rint(n * vecmath("log_f64", np.maximum(n, 1)) / _UNIT).astype(np.int64)


def _distances(partition: np.ndarray, labels: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Return the variation of information of a partition from others of shape (S, N)."""
    own = f[np.bincount(partition)].sum()
    others = np.array([f[np.bincount(row)].sum() for row in labels])
    return (own + others - 2 * overlaps(partition, labels, f)[:, 0]) * (_UNIT / len(partition))


# Arguments --------------------------------------------------------------------------------------


def _indices(name: str, vectors: np.ndarray, number: int) -> np.ndarray:
    """Return which of a number of vectors are meant; or raise ValueError."""
    vectors = np.asarray(vectors)
    if vectors.ndim != 1 or not (vectors.dtype.kind in "iu" or vectors.size == 0):
        raise ValueError(
            f"{name} must be whole numbers of one dimension, not {vectors.dtype} of shape "
            f"{vectors.shape}; for a mask: np.flatnonzero(mask)"
        )
    outside = vectors[(vectors < 0) | (vectors >= number)]
    if outside.size:
        raise ValueError(f"{name} must be from 0 to {number - 1}, found {outside[0]}")
    return vectors.astype(np.intp)


def _check_memory(what: str, needed: float, most: float, remedy: str) -> None:
    if needed > most:
        raise ValueError(
            f"{what} {needed / 1e9:.3g} GB, more than most_memory, {most / 1e9:.3g} GB: {remedy}"
        )
