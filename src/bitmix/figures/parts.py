"""Parts of several figures: panels of lines, grids and mosaics of images, heatmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from bitmix.figures.style import COLOURS, DASHES, INK, PIXELS, Figure

PER_ROW = 12  # images in a row, as in the study
MOST_NAMES = 40  # of features at an axis
MOST_POINTS = 250  # points of a line, at most


def new_panels(title: str, number: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with some panels, two in a row."""
    rows = max(1, -(-number // 2))
    figure = Figure(figsize=(9, 3.8 if rows == 1 else 2.6 * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    panels = figure.subplots(rows, 2, squeeze=False).ravel().tolist()
    for axes in panels[number:]:
        axes.remove()
    return figure, panels[:number]


def block_means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most MOST_POINTS means of blocks of values, and the mean sweep of each block.

    A last block that is not full is left out.
    """
    block = -(-len(values) // MOST_POINTS)
    whole = len(values) // block * block
    sweeps = np.arange(1, whole + 1).reshape(-1, block).mean(axis=1)
    return sweeps, values[:whole].reshape(-1, block).mean(axis=1)


def line_style(chain: int) -> dict[str, str]:
    """Return the style of the line of a chain."""
    return {"color": COLOURS[chain % len(COLOURS)], "linestyle": DASHES[chain % len(DASHES)]}


def name_lines(panels: Sequence[Axes]) -> None:
    """Write a legend beside panels that have the same lines."""
    for axes in panels[:2][-1:]:  # the right one of the first row
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def heatmap(values: np.ndarray, title: str, largest: float, label: str) -> Figure:
    """Draw values from 0 (white) to the largest (black), with a colour bar."""
    import seaborn  # slow to import, and used only here

    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    labels = {"xticklabels": False, "yticklabels": False, "cbar_kws": {"label": label}}
    seaborn.heatmap(values, ax=axes, square=True, cmap="binary", vmin=0, vmax=largest, **labels)
    draw_frame(axes)
    return figure


def image_grid(
    panels: dict[str, np.ndarray],
    image_shape: tuple[int, int],
    title: str,
    notes: dict[str, list[str]] | None = None,
) -> Figure:
    """Draw groups of M images, each (M, D), beside their names, at most PER_ROW in a row.

    `notes` are short texts in the corners of the images of some groups.
    """
    number, height = len(next(iter(panels.values()))), image_shape[0] / image_shape[1]
    columns, blocks = min(number, PER_ROW), -(-number // PER_ROW)
    block_height = len(panels) * height + 0.3
    # An image is 1 inch wide. All images share one pair of axes, because many axes are slow.
    left, above, total = 0.97, 0.47, blocks * block_height - 0.3
    figure = Figure(figsize=(1 + columns, 0.5 + total))
    figure.text(0.1 / (1 + columns), 1 - 0.15 / (0.5 + total), title, va="top", fontsize=11)
    bottom = 1 - (above + total) / (0.5 + total)
    place = (left / (1 + columns), bottom, columns / (1 + columns), total / (0.5 + total))
    axes = figure.add_axes(place, frame_on=False, xticks=[], yticks=[])
    for row, (label, images) in enumerate(panels.items()):
        for i, image in enumerate(images):
            x, y = i % PER_ROW, i // PER_ROW * block_height + row * height
            box = (x + 0.03, x + 0.97, y + height - 0.03, y + 0.03)
            axes.imshow(image.reshape(image_shape), extent=box, **PIXELS)
            corners = [(x + 0.03, y + 0.03), 0.94, height - 0.06]
            axes.add_patch(Rectangle(*corners, fill=False, edgecolor="#999999", linewidth=0.8))
            if x == 0:
                axes.text(-0.05, y + height / 2, label, ha="right", va="center")
            if notes and label in notes:
                axes.text(
                    x + 0.07, y + 0.06, notes[label][i], va="top", fontsize=7, color="#D55E00"
                )
    axes.set(xlim=(0, columns), ylim=(total, 0), aspect="auto")
    return figure


def mark_features(axes: Axes, names: Sequence[str] | None) -> None:
    """Mark the features on the x axis, by their names if these are known and not too many."""
    if names is None or len(names) > MOST_NAMES:
        axes.set_xlabel("feature")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return
    short = list(map(_short, names))
    upright = sum(map(len, short)) + 2 * len(short) > 110  # characters in a line of the axis
    angle = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    axes.set_xticks(range(len(short)), short, fontsize=8, **angle)


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"


def row_heatmaps(
    panels: dict[str, np.ndarray],
    title: str,
    names: Sequence[str] | None = None,
    ids: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Draw heatmaps of rows, each (M, D), one above the other, beside their names.

    `names` are those of the features, `ids` those of the rows of some panels.
    """
    number = len(next(iter(panels.values())))
    height = 0.2 + 0.12 * number if ids else min(0.3 + 0.1 * number, 3)
    figure = Figure(figsize=(9, 0.8 + len(panels) * height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    column = figure.subplots(len(panels), squeeze=False, sharex=True)[:, 0]
    for axes, (label, vectors) in zip(column, panels.items(), strict=True):
        axes.imshow(vectors, aspect="auto", **PIXELS)
        for edge in range(1, number):
            axes.axhline(edge - 0.5, color="#999999", linewidth=0.5)
        axes.set(yticks=[])
        if ids and label in ids:
            axes.set_yticks(range(number), list(map(_short, ids[label])), fontsize=7)
            axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        draw_frame(axes)
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
    mark_features(column[-1], names)
    return figure


def profiles(
    means: np.ndarray,
    captions: Sequence[str],
    heights: np.ndarray,
    title: str,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw the means of clusters, (K, D), as lines of given heights, beside their captions.

    `names` are those of the features.
    """
    figure = Figure(figsize=(9, min(1.2 + 0.18 * len(means), 10)), layout="constrained")
    axes = figure.add_subplot(title=title, ylabel="rows in the cluster")
    edges = np.concatenate([[0], np.cumsum(heights)])
    columns = np.arange(means.shape[1] + 1) - 0.5
    mesh = axes.pcolormesh(columns, edges, means, cmap=INK, vmin=0, vmax=1, rasterized=True)
    figure.colorbar(mesh, label="probability to be on", pad=0.01)
    readable = heights >= edges[-1] / 50
    axes.set_yticks((edges[1:] - heights / 2)[readable], np.array(captions)[readable])
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.grid(visible=False)
    axes.invert_yaxis()
    mark_features(axes, names)
    draw_frame(axes)
    return figure


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Draw an image of probabilities: 0 is white, 1 black, nan (not seen) blue."""
    axes.imshow(image, **PIXELS)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def draw_frame(axes: Axes) -> None:
    """Draw a thin line around an image, because its edge may be white."""
    axes.spines[:].set(visible=True, color="#999999")


def write_numbers(axes: Axes, values: np.ndarray, colours: np.ndarray) -> None:
    """Write the known values, (R, C), on their colours, (R, C, RGBA), in a contrasting grey."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "black" if colours[row, column, :3].mean() > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)


def mosaic(tiles: Sequence[np.ndarray], captions: Sequence[str], title: str) -> Figure:
    """Draw images of one shape, PER_ROW in a row, each above its caption."""
    height, width = tiles[0].shape
    row_height, column_width = height + max(5, height // 3), width + max(1, width // 10)
    rows = -(-len(tiles) // PER_ROW)
    canvas = np.zeros((rows * row_height, PER_ROW * column_width))
    inches, above = 9 / canvas.shape[1], 0.4
    figure = Figure(figsize=(9, canvas.shape[0] * inches + above))
    # No layout engine: it would measure every caption again at each drawing.
    axes = figure.add_axes((0, 0, 1, 1 - above / figure.get_figheight()))
    for i, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        top, left = i // PER_ROW * row_height, i % PER_ROW * column_width
        canvas[top : top + height, left : left + width] = tile
        place = {"ha": "center", "va": "top", "fontsize": 7, "color": "#444444"}
        axes.text(left + width / 2, top + height, caption, **place)
    show_image(axes, canvas)
    axes.text(width * 0.1, -3, title, fontsize=11)
    return figure
