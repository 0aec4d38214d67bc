"""Every figure of the study. Functions return matplotlib figures; `save_figure` writes them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator
from PIL import Image

from bitmix.chains import Latent
from bitmix.io import atomic_write
from bitmix.predict import feature_means

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
    "image.composite_image": False,  # many images are slow to merge into one
}
# Okabe and Ito's colours, which colour-blind readers can tell apart; in grey print the dashes and
# markers do the same. 5 colours and 4 dashes make 20 different lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v")
INK = mpl.colormaps["binary"].with_extremes(bad="#cfe0ee")
PIXELS = {"cmap": INK, "vmin": 0, "vmax": 1, "interpolation": "nearest"}
TRACED = {"log_joint": "log joint (nats)", "clusters": "clusters"}
PER_ROW = 12  # images in a row, as the study has its clusters
MOST_POINTS = 250  # of a line that says how something went


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
def grey_image(image: np.ndarray, title: str) -> Figure:
    """Draw the grey levels of an image, shape (rows, columns), as a seaborn heatmap."""
    return _heatmap(image, title, 255, "grey level")


@mpl.rc_context(STYLE)
def frequencies(shares: np.ndarray, image_shape: tuple[int, int] | None, title: str) -> Figure:
    """Draw how often each pixel is on, shape (D,), 0 to 1: as an image, or as bars without one."""
    if image_shape is not None:
        return _heatmap(shares.reshape(image_shape), title, 1, "share in which the pixel is on")
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="feature", ylabel="share in which it is on")
    axes.stairs(shares, np.arange(len(shares) + 1) - 0.5, fill=True, color=COLOURS[0])
    axes.set(xlim=(-0.5, len(shares) - 0.5), ylim=(0, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@mpl.rc_context(STYLE)
def binary_image(pixels: np.ndarray, image_shape: tuple[int, int], title: str) -> Figure:
    """Draw a binary image, shape (D,); pixels that are on are black, those missing (nan) blue."""
    figure = Figure(figsize=(3.6, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    _show(axes, pixels.reshape(image_shape))
    _frame(axes)
    return figure


@mpl.rc_context(STYLE)
def vectors(values: np.ndarray, title: str) -> Figure:
    """Draw binary vectors, shape (M, D), each as a row; on is black, missing (nan) blue."""
    return _vector_rows({"": values}, title)


@mpl.rc_context(STYLE)
def traces(
    latents: Sequence[Latent],
    names: Sequence[str] | None = None,
    quantities: Mapping[str, str] = TRACED,
    warmup: int = 0,
    title: str = "The chains, sweep by sweep",
) -> Figure:
    """Draw quantities of the trace after every sweep, one line a chain.

    Of more than `MOST_POINTS` sweeps means are drawn, as the lines of single sweeps would hide each
    other.

    Parameters
    ----------
    latents : sequence of Latent
    names : sequence of str, optional
        What to call the chains, instead of by their numbers.
    quantities : mapping of str to str
        By the name of each in `Latent.trace`, its label; the log joint and the number of clusters
        unless given.
    warmup : int, default 0
        How many sweeps to shade, those that are left out of results. Of the first half of these
        only what is in the range of all others is seen.
    title : str
    """
    names = names or [f"chain {latent.chain}" for latent in latents]
    figure, panels = _panels(title, len(quantities))
    for axes, (key, label) in zip(panels, quantities.items(), strict=True):
        for i, (latent, name) in enumerate(zip(latents, names, strict=True)):
            sweeps, values = _block_means(latent.trace[key])
            axes.plot(
                sweeps,
                values,
                **_line(i),
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                markevery=max(1, len(values) // 10),
                label=name,
            )
        block = -(-latents[0].sweeps // MOST_POINTS)
        if warmup > 0:
            axes.axvspan(0.5, warmup + 0.5, color="#eeeeee", zorder=0, label="warmup")
            axes.set_xlim(0.5, latents[0].sweeps + 0.5)
            # The first steps are so long that they would hide the others.
            settled = [
                values[sweeps > warmup / 2]
                for sweeps, values in (_block_means(latent.trace[key]) for latent in latents)
            ]
            low, high = np.min(settled), np.max(settled)
            if low < high:
                margin = (high - low) / 20
                axes.set_ylim(low - margin, high + margin)
        axes.set(xlabel="sweep" if block == 1 else f"sweep (means of {block})", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        if block == 1 and np.issubdtype(latents[0].trace[key].dtype, np.integer):
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter("{x:,.10g}")
    _name_lines(panels)
    return figure


@mpl.rc_context(STYLE)
def ranks(quantities: Mapping[str, np.ndarray]) -> Figure:
    """Draw how the draws of each chain rank among those of all.

    The difference of distribution functions of Sailynoja, Buerkner and Vehtari (2022), "Graphical
    test for discrete uniformity and its applications in goodness-of-fit evaluation and multiple
    sample comparison": of the lowest share of all draws, how much larger a share a chain has.

    Parameters
    ----------
    quantities : mapping of str to (C, S)
        By label, S draws of C chains, as `bitmix.diagnostics.Diagnosis.draws` returns.
    """
    figure, panels = _panels("Has each chain its share of all ranks?", len(quantities))
    for axes, (label, draws) in zip(panels, quantities.items(), strict=True):
        levels = np.quantile(draws, np.linspace(0, 1, 201), method="inverted_cdf")
        shares = _shares_below(draws.ravel(), levels)
        for i, chain in enumerate(draws):
            excess = _shares_below(chain, levels) - shares
            axes.plot(np.append(0, shares), np.append(0, excess), **_line(i), label=f"chain {i}")
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.set(xlabel="share of all draws", ylabel="excess share of its draws", xlim=(0, 1))
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, -0.1), max(high, 0.1))  # what is small is to look small
        axes.set_title(label, fontsize=9)
    _name_lines(panels)
    return figure


@mpl.rc_context(STYLE)
def autocorrelations(quantities: Mapping[str, np.ndarray]) -> Figure:
    """Draw how long chains remember what they were.

    Parameters
    ----------
    quantities : mapping of str to (C, L)
        By label, the autocorrelation of C chains at lags 0 to L - 1, `bitmix.diagnostics.
        autocorrelation`.
    """
    figure, panels = _panels("How long do the chains remember?", len(quantities))
    for axes, (label, values) in zip(panels, quantities.items(), strict=True):
        axes.axhline(0, color="#999999", linewidth=0.8)
        for i, chain in enumerate(values):
            axes.plot(np.arange(len(chain)), chain, **_line(i), label=f"chain {i}")
        axes.set(xlabel="lag (sweeps)", ylabel="autocorrelation")
        axes.set_title(label, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _name_lines(panels)
    return figure


@mpl.rc_context(STYLE)
def clusters(
    latent: Latent, image_shape: tuple[int, int] | None, *, scale_by_size: bool = False
) -> Figure:
    """Draw the mean image of every cluster, largest first, with the number of its images.

    Parameters
    ----------
    latent : Latent
        One chain's clusters.
    image_shape : (rows, columns) or None
        None draws a heatmap: a row for each cluster, a column for each feature.
    scale_by_size : bool, default False
        Shrink each image in proportion to its cluster's size, as the study of 2015 does: half as
        many images, half as wide and high. In the heatmap, make the rows as high.
    """
    order = np.argsort(-latent.sizes, kind="stable")
    sizes = latent.sizes[order]
    means = feature_means(latent)[order]
    captions = [f"{size:,}" for size in sizes]
    if image_shape is None:
        heights = sizes if scale_by_size else np.ones(len(sizes))
        title = _clusters_title(latent, "vectors", scale_by_size)
        return _profiles(means, captions, heights, title)
    means = means.reshape(-1, *image_shape)
    if scale_by_size:
        tiles = [shrink(mean, size / sizes[0]) for mean, size in zip(means, sizes, strict=True)]
    else:
        tiles = list(means)
    return _mosaic(tiles, captions, _clusters_title(latent, "images", scale_by_size))


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
    image_shape: tuple[int, int] | None,
) -> Figure:
    """Draw completions of partly hidden images above the images themselves.

    Parameters
    ----------
    queries : (M, D)
        The true images, nan where a pixel is not known.
    observed : (D,) or (M, D) bool
        True for the pixels that were seen.
    sampled, expected : (M, D) float
        The probability of every pixel to be on: the mean of posterior predictive samples, and the
        exact expectation.
    image_shape : (rows, columns) or None
        None draws each vector as a row of a heatmap.
    """
    seen = np.where(observed, queries, np.nan)
    panels = {
        "seen": seen,
        "predicted\n(samples)": sampled,
        "predicted\n(exact)": expected,
        "truth": queries,
    }
    if image_shape is None:
        return _vector_rows(panels, "Completing vectors from their first half")
    return _image_grid(panels, image_shape, "Completing images from their upper half")


@mpl.rc_context(STYLE)
def completions(
    queries: np.ndarray,
    observed: np.ndarray,
    by_chain: np.ndarray,
    samples: np.ndarray,
    image_shape: tuple[int, int] | None,
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
    image_shape : (rows, columns) or None
        None draws each vector as a row of a heatmap.
    title : str
    """
    panels = {"seen": np.where(observed, queries, np.nan)}
    panels |= {f"chain {i}": images for i, images in enumerate(by_chain)}
    panels["average"] = np.mean(by_chain, axis=0)
    panels |= {f"sample {i}": samples[:, i] for i in range(samples.shape[1])}
    panels["truth"] = queries
    if image_shape is None:
        return _vector_rows(panels, title)
    return _image_grid(panels, image_shape, title)


@mpl.rc_context(STYLE)
def scores(
    lines: Mapping[str, Sequence[Mapping]],
    points: Sequence[Mapping] = (),
    *,
    by: str,
    label: str,
    title: str,
) -> Figure:
    """Draw how well models predict images and complete them, by `by`, on a logarithmic scale.

    Of the averages the Brier score has two lines: of the averaged density, and of the plain average
    of the completions.

    Parameters
    ----------
    lines : mapping of str to rows of `bitmix.evaluation.evaluate`
        Models of which there are several rows, by name.
    points : rows
        Models of which there is one. They are numbered, and named below.
    by : str
        The key of the rows to draw by.
    label, title : str
        Of the horizontal axis, and of the figure.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    panels = {
        "held_out": "log p(image), nats",
        "missing": "log p(missing | observed), nats",
        "brier": "Brier score of missing pixels",
    }
    for axes, (score, name) in zip(figure.subplots(ncols=3), panels.items(), strict=True):
        for i, (model, rows) in enumerate(lines.items()):
            look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            x = [row[by] for row in rows]
            axes.plot(x, [row[score] for row in rows], markersize=4, label=model, **look)
            if score == "brier" and any(row["members"] > 1 for row in rows):
                plain = [row["brier_equal"] for row in rows]
                plain_label = f"{model}, plain average"
                axes.plot(x, plain, "--", markersize=4, fillstyle="none", label=plain_label, **look)
        for i, row in enumerate(points, start=1):
            if score in row:
                at = (max(row[by], 0.01), row[score])
                axes.plot(*at, "x", color="#444444", markersize=5, label=f"{i}  {row['model']}")
                axes.annotate(str(i), at, xytext=(4, 3), textcoords="offset points", fontsize=8)
        axes.set(xscale="log", xlabel=label)
        axes.set_title(name, fontsize=9)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    legend = axes.get_legend_handles_labels()  # of the last panel, which has all models
    figure.legend(*legend, loc="outside lower left", ncols=3, frameon=False)
    return figure


@mpl.rc_context(STYLE)
def reliability(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw how often pixels are on that were predicted to be on with some probability.

    Parameters
    ----------
    curves : mapping of str to curves of `bitmix.evaluation.reliability`
        By what made the predictions.
    """
    figure = Figure(figsize=(4.6, 5.8), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for i, (name, curve) in enumerate(curves.items()):
        look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        look |= {"linestyle": DASHES[i % len(DASHES)], "markersize": 4}
        above.plot(curve["predicted"], curve["on"], label=name, **look)
        below.plot(curve["predicted"], curve["pixels"], **look)
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of pixels that are on")
    above.set_title("Are the probabilities right?")
    below.set(xlabel="predicted probability", ylabel="pixels", yscale="log")
    above.legend(frameon=False, loc="upper left")
    return figure


@mpl.rc_context(STYLE)
def consensus_clusters(
    means: np.ndarray,
    sizes: np.ndarray,
    certainty: np.ndarray,
    image_shape: tuple[int, int] | None,
    title: str,
) -> Figure:
    """Draw the mean image of clusters of a consensus, with their sizes and how certain they are.

    Parameters
    ----------
    means : (K, D)
        In which share of its vectors each pixel is on; nan where none of them has it.
    sizes : (K,) int
    certainty : (K,)
        1 - the mean uncertainty of its vectors.
    image_shape : (rows, columns) or None
        None draws a heatmap: a row for each cluster, a column for each feature.
    title : str
    """
    captions = [f"{size:,} · {share:.0%}" for size, share in zip(sizes, certainty, strict=True)]
    if image_shape is None:
        return _profiles(means, captions, np.ones(len(means)), title)
    return _mosaic(list(means.reshape(-1, *image_shape)), captions, title)


@mpl.rc_context(STYLE)
def certainty(
    most: tuple[np.ndarray, np.ndarray],
    least: tuple[np.ndarray, np.ndarray],
    image_shape: tuple[int, int] | None,
) -> Figure:
    """Draw vectors whose cluster is most and least certain, each above the company it keeps.

    Parameters
    ----------
    most, least : pairs of (M, D) arrays
        The vectors, and the means of those with which they share clusters.
    image_shape : (rows, columns) or None
        None draws each vector as a row of a heatmap.
    """
    panels = {
        "most\ncertain": most[0],
        "their\ncompany": most[1],
        "least\ncertain": least[0],
        "company\nof these": least[1],
    }
    title = "Whose cluster is certain?"
    if image_shape is None:
        return _vector_rows(panels, title)
    return _image_grid(panels, image_shape, title)


@mpl.rc_context(STYLE)
def coclustering(probabilities: np.ndarray, clusters: np.ndarray) -> Figure:
    """Draw how often vectors share a cluster, shape (R, R), in blocks by a consensus.

    Parameters
    ----------
    probabilities : (R, R)
        As `bitmix.coclustering` returns.
    clusters : (R,) int
        The consensus cluster of each; those of one cluster follow each other.
    """
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.add_subplot(title="Who shares a cluster with whom?")
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
    _frame(axes)
    return figure


@mpl.rc_context(STYLE)
def agreement(vi: np.ndarray, ari: np.ndarray) -> Figure:
    """Draw how much chains agree, each with each: heat maps of shape (C, C), nan left out.

    Parameters
    ----------
    vi, ari : (C, C)
        `bitmix.partitions.agreement` of either comparison.
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
            _write_numbers(axes, means, picture.to_rgba(means))
        figure.colorbar(picture, pad=0.02)
        axes.set(xlabel="chain", ylabel="chain")
        axes.set_title(name, fontsize=9)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    figure.suptitle("Do the chains agree? The lighter, the more", x=0.01, ha="left", fontsize=11)
    return figure


def _panels(title: str, number: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many panels, two in a row."""
    rows = max(1, -(-number // 2))
    figure = Figure(figsize=(9, 3.8 if rows == 1 else 2.6 * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    panels = figure.subplots(rows, 2, squeeze=False).ravel().tolist()
    for axes in panels[number:]:
        axes.remove()
    return figure, panels[:number]


def _block_means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most MOST_POINTS means of values after sweeps 1, 2, ..., and the sweeps' own means.

    Values that do not fill a last block are left out.
    """
    block = -(-len(values) // MOST_POINTS)
    whole = len(values) // block * block
    sweeps = np.arange(1, whole + 1).reshape(-1, block).mean(axis=1)
    return sweeps, values[:whole].reshape(-1, block).mean(axis=1)


def _shares_below(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Which share of the values, (S,), is at most each level, (L,): their distribution function."""
    return np.searchsorted(np.sort(values), levels, side="right") / len(values)


def _line(chain: int) -> dict[str, str]:
    """How the line of a chain looks."""
    return {"color": COLOURS[chain % len(COLOURS)], "linestyle": DASHES[chain % len(DASHES)]}


def _name_lines(panels: Sequence[Axes]) -> None:
    """Write beside the panels, which have the same lines, what these are."""
    for axes in panels[:2][-1:]:  # the rightmost of the first row, if there is any
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _clusters_title(latent: Latent, what: str, scale_by_size: bool) -> str:
    scaled = ", scaled by size" if scale_by_size else ""
    return (
        f"Chain {latent.chain}: {len(latent.sizes)} clusters of {len(latent.assignments):,} {what}"
        f"{scaled}"
    )


def _heatmap(values: np.ndarray, title: str, largest: float, label: str) -> Figure:
    """Draw values from 0, white, to the largest, black, beside their scale."""
    import seaborn  # slow to import, and used only here

    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.add_subplot(title=title)
    labels = {"xticklabels": False, "yticklabels": False, "cbar_kws": {"label": label}}
    seaborn.heatmap(values, ax=axes, square=True, cmap="binary", vmin=0, vmax=largest, **labels)
    _frame(axes)
    return figure


def _image_grid(panels: dict[str, np.ndarray], image_shape: tuple[int, int], title: str) -> Figure:
    """Draw rows of images, each (M, D), beside their names; PER_ROW of the M, then the others."""
    number, height = len(next(iter(panels.values()))), image_shape[0] / image_shape[1]
    columns, blocks = min(number, PER_ROW), -(-number // PER_ROW)
    block_height = len(panels) * height + 0.3
    # In inches, an image is 1 wide. One pair of axes for all: a layout of many is slow to draw.
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
    axes.set(xlim=(0, columns), ylim=(total, 0), aspect="auto")
    return figure


def _vector_rows(panels: dict[str, np.ndarray], title: str) -> Figure:
    """Draw heatmaps of vectors, each (M, D), one above the other, beside their names."""
    number = len(next(iter(panels.values())))
    height = min(0.3 + 0.1 * number, 3)
    figure = Figure(figsize=(9, 0.8 + len(panels) * height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    column = figure.subplots(len(panels), squeeze=False, sharex=True)[:, 0]
    for axes, (label, vectors) in zip(column, panels.items(), strict=True):
        axes.imshow(vectors, aspect="auto", **PIXELS)
        for edge in range(1, number):
            axes.axhline(edge - 0.5, color="#999999", linewidth=0.5)
        axes.set(yticks=[])
        axes.grid(visible=False)
        _frame(axes)
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
    column[-1].set_xlabel("feature")
    column[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _profiles(
    means: np.ndarray, captions: Sequence[str], heights: np.ndarray, title: str
) -> Figure:
    """Draw the means of clusters, (K, D), as rows of given heights, beside their captions."""
    figure = Figure(figsize=(9, min(1.2 + 0.18 * len(means), 10)), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="feature", ylabel="vectors in the cluster")
    edges = np.concatenate([[0], np.cumsum(heights)])
    columns = np.arange(means.shape[1] + 1) - 0.5
    mesh = axes.pcolormesh(columns, edges, means, cmap=INK, vmin=0, vmax=1, rasterized=True)
    figure.colorbar(mesh, label="probability to be on", pad=0.01)
    readable = heights >= edges[-1] / 50
    axes.set_yticks((edges[1:] - heights / 2)[readable], np.array(captions)[readable])
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.grid(visible=False)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _frame(axes)
    return figure


def _show(axes: Axes, image: np.ndarray) -> None:
    """Draw an image of probabilities: 0 white, 1 black, nan (not seen) blue; a square a pixel."""
    axes.imshow(image, **PIXELS)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _frame(axes: Axes) -> None:
    """Draw a thin line round an image, whose edge is white."""
    axes.spines[:].set(visible=True, color="#999999")


def _write_numbers(axes: Axes, values: np.ndarray, colours: np.ndarray) -> None:
    """Write the values that are known, (R, C), on their colours, (R, C, RGBA), dark on light."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "black" if colours[row, column, :3].mean() > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)


def _mosaic(tiles: Sequence[np.ndarray], captions: Sequence[str], title: str) -> Figure:
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
        axes.text(left + width / 2, top + height, caption, **place)
    _show(axes, canvas)
    axes.text(width * 0.1, -3, title, fontsize=11)
    return figure
