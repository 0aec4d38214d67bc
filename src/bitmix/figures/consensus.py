"""Figures of many partitions and of their consensus."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator

from bitmix import partitions
from bitmix.blocks import blocks
from bitmix.data import Dataset
from bitmix.figures.parts import (
    PER_ROW,
    draw_frame,
    image_grid,
    mosaic,
    profiles,
    row_heatmaps,
    write_numbers,
)
from bitmix.figures.style import COLOURS, STYLE, Figure, described
from bitmix.partitions import Consensus

MOST_CLUSTERS = 120


def consensus(dataset: Dataset, found: Consensus) -> Figure:
    """Draw the largest clusters of a consensus, those with more than one row."""
    shown = min(MOST_CLUSTERS, max(1, (found.sizes > 1).sum()))
    share = found.sizes[:shown].sum() / found.sizes.sum()
    title = f"Consensus: the largest {shown} of {len(found.sizes)} clusters, {share:.1%} of rows"
    means = _weighted_means(dataset, np.arange(shown)[:, None] == found.assignments)
    certainty = found.certainty[:shown]
    return consensus_clusters(
        means, found.sizes[:shown], certainty, dataset.image_shape, title, dataset.feature_names
    )


def coclustering(assignments: np.ndarray, found: Consensus) -> Figure:
    """Draw how often rows share a cluster, for some rows of the largest consensus clusters.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
        The partitions.
    found : Consensus
        Their consensus.
    """
    rows = partitions.block_rows(found)
    return coclustering_blocks(partitions.coclustering(assignments, rows), found.assignments[rows])


def certainty(dataset: Dataset, assignments: np.ndarray, found: Consensus) -> Figure:
    """Draw the rows with the most and least certain clusters, and the means of their companions.

    Parameters
    ----------
    dataset : Dataset
    assignments : array of int, shape (S, N)
        The partitions of its rows.
    found : Consensus
        Their consensus.
    """
    most, least = partitions.extremes(found)
    pairs = [
        (dataset.take(rows).values, _companions(dataset, assignments, rows))
        for rows in (most, least)
    ]
    alt = (
        f"{len(most)} rows whose cluster is certain (uncertainty from "
        f"{found.uncertainty[most[0]]:.2f}) and {len(least)} whose cluster is not (up to "
        f"{found.uncertainty[least[0]]:.2f}), each above the mean of the rows that share its "
        "cluster."
    )
    ids = None if dataset.row_ids is None else (dataset.row_ids[most], dataset.row_ids[least])
    return certain_rows(*pairs, dataset.image_shape, alt, dataset.feature_names, ids)


def _companions(dataset: Dataset, assignments: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean of all other rows, weighted by how often they share a cluster with each row.

    The shape is (R, D). It is nan if no such row has the feature observed.
    """
    weights = partitions.coclustering(assignments, rows, np.arange(len(dataset.x)))
    weights[np.arange(len(rows)), rows] = 0
    return _weighted_means(dataset, weights)


def _weighted_means(dataset: Dataset, weights: np.ndarray) -> np.ndarray:
    """Return weighted means of rows, shape (R, D), for weights of shape (R, N)."""
    weights = weights.astype(np.float32)
    on, seen = _sums(weights, dataset.x), weights.sum(axis=1, keepdims=True)
    if dataset.observed is not None:
        seen = _sums(weights, dataset.observed)
    return np.divide(on, seen, out=np.full(on.shape, np.nan), where=seen > 0)


def _sums(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return weights @ x, (R, D), a block of rows at a time: x as float would take much memory."""
    sums = np.zeros((len(weights), x.shape[1]))
    for rows, block in blocks(x):
        sums += weights[:, rows] @ block.astype(np.float32)
    return sums


@mpl.rc_context(STYLE)
def consensus_clusters(
    means: np.ndarray,
    sizes: np.ndarray,
    certainty: np.ndarray,
    image_shape: tuple[int, int] | None,
    title: str,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw the means of the clusters of a consensus, with their sizes and certainty.

    Parameters
    ----------
    means : (K, D)
        The share of the rows that have each feature on; nan if none has it observed.
    sizes : (K,) int
    certainty : (K,)
        For each cluster, 1 - the mean uncertainty of its rows.
    image_shape : (rows, columns) or None
        None draws a heatmap: a row for each cluster, a column for each feature.
    title : str
    names : sequence of str, optional
        The names of the features.
    """
    alt = f"{title}: their means, of {sizes[0]:,} to {sizes[-1]:,} rows."
    captions = [f"{size:,} · {share:.0%}" for size, share in zip(sizes, certainty, strict=True)]
    if image_shape is None:
        return described(profiles(means, captions, np.ones(len(means)), title, names), alt)
    tiles = list(means.reshape(-1, *image_shape))
    return described(mosaic(tiles, captions, title), alt)


@mpl.rc_context(STYLE)
def certain_rows(
    most: tuple[np.ndarray, np.ndarray],
    least: tuple[np.ndarray, np.ndarray],
    image_shape: tuple[int, int] | None,
    alt: str,
    names: Sequence[str] | None = None,
    ids: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Figure:
    """Draw the rows with the most and least certain clusters above the means of their companions.

    Parameters
    ----------
    most, least : pairs of (M, D) arrays
        The rows, and the means of the rows with which they share clusters.
    image_shape : (rows, columns) or None
        None draws each as a row of a heatmap.
    alt : str
    names : sequence of str, optional
        The names of the features.
    ids : pair of sequences of str, optional
        The ids of the rows in `most` and in `least`.
    """
    panels = {
        "most\ncertain": most[0],
        "their\ncompanions": most[1],
        "least\ncertain": least[0],
        "companions\nof these": least[1],
    }
    title = "Which rows have a certain cluster?"
    if image_shape is None:
        named = None if ids is None else dict(zip(list(panels)[::2], ids, strict=True))
        return described(row_heatmaps(panels, title, names, named), alt)
    return described(image_grid(panels, image_shape, title), alt)


@mpl.rc_context(STYLE)
def coclustering_blocks(probabilities: np.ndarray, clusters: np.ndarray) -> Figure:
    """Draw how often rows share a cluster, shape (R, R), in one block per consensus cluster.

    Parameters
    ----------
    probabilities : (R, R)
        The result of `bitmix.coclustering`.
    clusters : (R,) int
        The consensus cluster of each row. Rows of one cluster follow each other.
    """
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.add_subplot(title="Which rows share a cluster?")
    picture = axes.imshow(probabilities, cmap="binary", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(picture, label="share of the partitions", pad=0.02)
    edges = np.flatnonzero(np.diff(clusters)) + 0.5
    for draw_line in (axes.axhline, axes.axvline):
        for edge in edges:
            draw_line(edge, color=COLOURS[1], linewidth=0.5)
    bounds = np.concatenate([[-0.5], edges, [len(clusters) - 0.5]])
    middles, names = (bounds[1:] + bounds[:-1]) / 2, list(dict.fromkeys(clusters.tolist()))
    axes.set(xlabel="consensus cluster", ylabel="consensus cluster")
    axes.set_xticks(middles, names)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    draw_frame(axes)
    return described(figure, _blocks_alt(probabilities, clusters))


def _blocks_alt(probabilities: np.ndarray, clusters: np.ndarray) -> str:
    same = clusters[:, None] == clusters
    pairs = {"within a consensus cluster": np.tril(same, -1), "between two": ~same}
    shares = [f"{probabilities[of].mean():.1%} {name}" for name, of in pairs.items() if of.any()]
    return f"How often two of {len(clusters)} rows share a cluster: {', '.join(shares) or 'one'}."


@mpl.rc_context(STYLE)
def agreement(vi: np.ndarray, ari: np.ndarray) -> Figure:
    """Draw how far the chains of each pair agree, as heatmaps; nan is left out.

    Parameters
    ----------
    vi, ari : (C, C)
        The results of `bitmix.partitions.agreement`.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = {
        "variation of information, nats": (vi, "Blues", np.nanmax(vi, initial=0) or 1),
        "adjusted Rand index": (ari, "Blues_r", 1),
    }
    for axes, (name, (means, colours, most)) in zip(
        figure.subplots(ncols=2), panels.items(), strict=True
    ):
        colours = mpl.colormaps[colours].with_extremes(bad="#dddddd")
        picture = axes.imshow(means, cmap=colours, vmin=0, vmax=most, interpolation="nearest")
        if len(means) <= PER_ROW:
            write_numbers(axes, means, picture.to_rgba(means))
        figure.colorbar(picture, pad=0.02)
        axes.set(xlabel="chain", ylabel="chain")
        axes.set_title(name, fontsize=9)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    figure.suptitle("Do the chains agree? Lighter cells agree more", x=0.01, ha="left", fontsize=11)
    alt = (
        f"Heatmaps of how {len(vi)} chains agree: the variation of information is at most "
        f"{np.nanmax(vi, initial=0):.2f} nats, the adjusted Rand index at least "
        f"{np.nanmin(ari, initial=1):.2f}."
    )
    return described(figure, alt)
