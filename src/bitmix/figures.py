"""Every figure of the study. Functions return matplotlib figures; `save_figure` writes them."""

import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from bitmix.files import atomic_write
from bitmix.latents import Latent
from bitmix.predict import pixel_means

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look the same everywhere
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "svg.hashsalt": "bitmix",  # the same figure gives the same SVG
}
# Okabe and Ito's colours, which colour-blind readers can tell apart; in grey print the dashes and
# markers do the same. 5 colours and 4 dashes make 20 different lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v")
INK = mpl.colormaps["binary"].with_extremes(bad="#cfe0ee")
PER_ROW = 12  # clusters in a row, as in the study


def save_figure(figure: Figure, folder: str | os.PathLike[str], name: str, alt: str) -> None:
    """Write a figure as `name`.png and `name`.svg, and its description as `name`.alt.txt.

    Parameters
    ----------
    figure : Figure
    folder : path-like
        Where to write. Empty: nothing is written.
    name : str
        The files' name, without suffix; may start with a subfolder.
    alt : str
        What the figure shows, for who cannot see it. Also kept inside both images.
    """
    if not folder:
        return
    stem = Path(folder, name)
    with mpl.rc_context(STYLE):
        with atomic_write(f"{stem}.png") as file:
            figure.savefig(file, format="png", metadata={"Description": alt})
        with atomic_write(f"{stem}.svg") as file:
            figure.savefig(file, format="svg", metadata={"Description": alt, "Date": None})
    with atomic_write(f"{stem}.alt.txt") as file:
        file.write(f"{alt}\n".encode())


@mpl.rc_context(STYLE)
def grey_digit(image: np.ndarray, title: str) -> Figure:
    """Draw the grey levels of an image, shape (rows, columns), as a seaborn heatmap."""
    import seaborn  # slow to import, and used only here

    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    labels = {"xticklabels": False, "yticklabels": False, "cbar_kws": {"label": "grey level"}}
    seaborn.heatmap(image, ax=axes, square=True, cmap="binary", vmin=0, vmax=255, **labels)
    _frame(axes)
    return figure


@mpl.rc_context(STYLE)
def binary_digit(pixels: np.ndarray, image_shape: tuple[int, int], title: str) -> Figure:
    """Draw a binary image, shape (D,); pixels that are on are black."""
    figure = Figure(figsize=(3.6, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    _show(axes, pixels.reshape(image_shape))
    _frame(axes)
    return figure


@mpl.rc_context(STYLE)
def traces(latents: Sequence[Latent]) -> Figure:
    """Draw the log joint and the number of clusters after every sweep, one line a chain."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(ncols=2)
    quantities = {"log_joint": "log joint (nats)", "clusters": "clusters"}
    for axes, (key, label) in zip(panels, quantities.items(), strict=True):
        for i, latent in enumerate(latents):
            values = latent.trace[key]
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=COLOURS[i % len(COLOURS)],
                linestyle=DASHES[i % len(DASHES)],
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                markevery=max(1, len(values) // 10),
                label=f"chain {latent.chain}",
            )
        axes.set(xlabel="sweep", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter("{x:,.0f}")
    panels[1].yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle("The chains, sweep by sweep", x=0.01, ha="left", fontsize=11)
    panels[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@mpl.rc_context(STYLE)
def clusters(
    latent: Latent, image_shape: tuple[int, int], *, scale_by_size: bool = False
) -> Figure:
    """Draw the mean image of every cluster, largest first, with the number of its images.

    Parameters
    ----------
    latent : Latent
        One chain's clusters.
    image_shape : (rows, columns)
    scale_by_size : bool, default False
        Shrink each image in proportion to its cluster's size, as the study of 2015 does: half as
        many images, half as wide and high.
    """
    rows, columns = image_shape
    order = np.argsort(-latent.sizes, kind="stable")
    sizes = latent.sizes[order]
    means = pixel_means(latent)[order].reshape(-1, rows, columns)
    if scale_by_size:
        tiles = [shrink(mean, size / sizes[0]) for mean, size in zip(means, sizes, strict=True)]
    else:
        tiles = list(means)
    return _mosaic(tiles, sizes, _clusters_title(latent, scale_by_size))


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """Return `image` made smaller by Pillow, `scale` times as wide and high, centred on white."""
    rows, columns = image.shape
    height, width = (max(1, round(scale * side)) for side in image.shape)
    small = Image.fromarray(image.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    canvas = np.zeros_like(image)
    top, left = (rows - height) // 2, (columns - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(small)
    return canvas


@mpl.rc_context(STYLE)
def predictions(
    queries: np.ndarray,
    observed: np.ndarray,
    sampled: np.ndarray,
    expected: np.ndarray,
    image_shape: tuple[int, int],
) -> Figure:
    """Draw completions of partly hidden images above the images themselves.

    Parameters
    ----------
    queries : (M, D)
        The true images.
    observed : (D,) bool
        True for the pixels that were seen.
    sampled, expected : (M, D) float
        The probability of every pixel to be on: the mean of posterior predictive samples, and the
        exact expectation.
    image_shape : (rows, columns)
    """
    seen = np.where(observed, queries, np.nan)
    panels = {
        "seen": seen,
        "predicted\n(samples)": sampled,
        "predicted\n(exact)": expected,
        "truth": queries,
    }
    return _image_grid(panels, image_shape, "Completing digits from their upper half")


@mpl.rc_context(STYLE)
def completions(
    queries: np.ndarray,
    observed: np.ndarray,
    by_chain: np.ndarray,
    samples: np.ndarray,
    image_shape: tuple[int, int],
    *,
    title: str = "Completing images from the pixels seen",
) -> Figure:
    """Draw every chain's completion of partly hidden images, their average, samples and the truth.

    Parameters
    ----------
    queries : (M, D)
        The true images.
    observed : (D,) or (M, D) bool
        True for the pixels that were seen.
    by_chain : (chains, M, D) float
        Every chain's own answer, for example `bitmix.complete` of each latent alone.
    samples : (M, S, D)
        Single draws, all of them shown: of `bitmix.posterior_predictive`, choose a few.
    image_shape : (rows, columns)
    title : str
    """
    panels = {"seen": np.where(observed, queries, np.nan)}
    panels |= {f"chain {i}": images for i, images in enumerate(by_chain)}
    panels["average"] = np.mean(by_chain, axis=0)
    panels |= {f"sample {i}": samples[:, i] for i in range(samples.shape[1])}
    panels["truth"] = queries
    return _image_grid(panels, image_shape, title)


def _clusters_title(latent: Latent, scale_by_size: bool) -> str:
    scaled = ", scaled by size" if scale_by_size else ""
    return (
        f"Chain {latent.chain}: {len(latent.sizes)} clusters of {len(latent.assignments):,} images"
        f"{scaled}"
    )


def _image_grid(panels: dict[str, np.ndarray], image_shape: tuple[int, int], title: str) -> Figure:
    """Draw rows of images, each (M, D), beside their names."""
    rows, columns = image_shape
    number = len(next(iter(panels.values())))
    figure = Figure(figsize=(1 + number, 0.5 + len(panels) * rows / columns), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    grid = figure.subplots(len(panels), number, squeeze=False)
    for row, (label, images) in zip(grid, panels.items(), strict=True):
        for axes, image in zip(row, images, strict=True):
            _show(axes, image.reshape(image_shape))
            _frame(axes)
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def _show(axes: Axes, image: np.ndarray) -> None:
    """Draw an image of probabilities: 0 white, 1 black, nan (not seen) blue; a square a pixel."""
    axes.imshow(image, cmap=INK, vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _frame(axes: Axes) -> None:
    """Draw a thin line round an image, whose edge is white."""
    axes.spines[:].set(visible=True, color="#999999")


def _mosaic(tiles: Sequence[np.ndarray], captions: Sequence[int], title: str) -> Figure:
    """Draw images of one shape in rows of PER_ROW, each above its caption."""
    height, width = tiles[0].shape
    row_height, column_width = height + max(5, height // 3), width + max(1, width // 10)
    rows = -(-len(tiles) // PER_ROW)
    canvas = np.zeros((rows * row_height, PER_ROW * column_width))
    inches, above = 9 / canvas.shape[1], 0.4
    figure = Figure(figsize=(9, canvas.shape[0] * inches + above))
    # Placed by hand: a layout engine would measure every caption anew at each drawing.
    axes = figure.add_axes((0, 0, 1, 1 - above / figure.get_figheight()))
    for i, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        top, left = i // PER_ROW * row_height, i % PER_ROW * column_width
        canvas[top : top + height, left : left + width] = tile
        place = {"ha": "center", "va": "top", "fontsize": 7, "color": "#444444"}
        axes.text(left + width / 2, top + height, f"{caption:,}", **place)
    _show(axes, canvas)
    axes.text(width * 0.1, -3, title, fontsize=11)
    return figure
