"""Figures of a data set."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from bitmix.data import Dataset
from bitmix.figures.parts import draw_frame, heatmap, mark_features, row_heatmaps, show_image
from bitmix.figures.style import COLOURS, STYLE, Figure, described

MOST_ROWS = 40  # in the heatmap of rows that are not images


def example(dataset: Dataset, grey: np.ndarray | None) -> Figure:
    """Draw the first row in grey levels, or how often each feature is on.

    Parameters
    ----------
    dataset : Dataset
    grey : ndarray of uint8, shape (N, rows, columns), or None
        The grey images behind the rows, if there are any.
    """
    if grey is not None:
        return grey_image(grey[0], f"{_first(dataset)}, in grey levels")
    return frequencies(
        _shares(dataset),
        dataset.image_shape,
        f"How often each feature is on in {len(dataset.x):,} rows",
        dataset.feature_names,
    )


def binary(dataset: Dataset) -> Figure:
    """Draw the first row as an image, or the first rows as a heatmap."""
    if dataset.image_shape is not None:
        title = f"{_first(dataset)}, every pixel on or off"
        return binary_image(dataset.take([0]).values, dataset.image_shape, title)
    few = dataset.take(slice(MOST_ROWS))
    title = f"The first {len(few.x)} rows, every feature on or off"
    return rows(few.values, title, dataset.feature_names, few.row_ids)


def _first(dataset: Dataset) -> str:
    """Describe the first row for a title."""
    kind = "A row" if dataset.image_shape is None else "An image"
    return kind if dataset.labels is None else f"{kind} labelled {dataset.labels[0]}"


def _shares(dataset: Dataset) -> np.ndarray:
    """Return the share of observed values of each feature that are on, shape (D,)."""
    seen = len(dataset.x) if dataset.observed is None else dataset.observed.sum(axis=0)
    on = dataset.x.sum(axis=0, dtype=float)
    return np.divide(on, seen, out=np.full(len(on), np.nan), where=np.greater(seen, 0))


@mpl.rc_context(STYLE)
def grey_image(image: np.ndarray, title: str) -> Figure:
    """Draw the grey levels of an image, shape (rows, columns), as a seaborn heatmap."""
    alt = f"{title}, {image.shape[0]} by {image.shape[1]} pixels, dark where the level is high."
    return described(heatmap(image, title, 255, "grey level"), alt)


@mpl.rc_context(STYLE)
def frequencies(
    shares: np.ndarray,
    image_shape: tuple[int, int] | None,
    title: str,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw how often each feature is on, shape (D,), as an image or, without a shape, as bars."""
    alt = f"{title}: from {np.nanmin(shares):.1%} to {np.nanmax(shares):.1%}."
    if image_shape is not None:
        image = shares.reshape(image_shape)
        return described(heatmap(image, title, 1, "share in which the pixel is on"), alt)
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot(title=title, ylabel="share in which it is on")
    axes.stairs(shares, np.arange(len(shares) + 1) - 0.5, fill=True, color=COLOURS[0])
    axes.set(xlim=(-0.5, len(shares) - 0.5), ylim=(0, 1))
    mark_features(axes, names)
    return described(figure, alt)


@mpl.rc_context(STYLE)
def binary_image(pixels: np.ndarray, image_shape: tuple[int, int], title: str) -> Figure:
    """Draw a binary image, shape (D,): on is black, missing (nan) blue."""
    figure = Figure(figsize=(3.6, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    show_image(axes, pixels.reshape(image_shape))
    draw_frame(axes)
    return described(figure, f"{title}: on is black, off white, missing blue.")


@mpl.rc_context(STYLE)
def rows(
    values: np.ndarray,
    title: str,
    names: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
) -> Figure:
    """Draw binary rows, shape (M, D), as a heatmap: on is black, missing (nan) blue.

    `names` are those of the features, `ids` those of the rows.
    """
    alt = f"{title}: on is black, off white, missing blue."
    return described(
        row_heatmaps({"": values}, title, names, None if ids is None else {"": ids}), alt
    )
