"""Figures of chains: their traces and their clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image

from bitmix.chains import Latent
from bitmix.figures.parts import (
    MOST_POINTS,
    block_means,
    line_style,
    mosaic,
    name_lines,
    new_panels,
    profiles,
)
from bitmix.figures.style import MARKERS, STYLE, Figure, described
from bitmix.predict import feature_means

MOST_CLUSTERS = 300
TRACED = {"log_joint": "log joint (nats)", "clusters": "clusters"}


@mpl.rc_context(STYLE)
def traces(
    latents: Sequence[Latent],
    names: Sequence[str] | None = None,
    quantities: Mapping[str, str] = TRACED,
    warmup: int = 0,
    title: str = "The chains, sweep by sweep",
) -> Figure:
    """Draw quantities of the trace after every sweep, one line per chain.

    With more than `MOST_POINTS` sweeps, the lines show means of blocks of sweeps, because lines of
    single sweeps would hide each other.

    Parameters
    ----------
    latents : sequence of Latent
    names : sequence of str, optional
        The names of the chains; their numbers by default.
    quantities : mapping of str to str
        The label of each quantity, by its name in `Latent.trace`. The default is the log joint and
        the number of clusters.
    warmup : int, default 0
        The number of warmup sweeps. They are shaded. The first half of them does not count for the
        vertical range.
    title : str
    """
    names = names or [f"chain {latent.chain}" for latent in latents]
    figure, panels = new_panels(title, len(quantities))
    for axes, (key, label) in zip(panels, quantities.items(), strict=True):
        for i, (latent, name) in enumerate(zip(latents, names, strict=True)):
            sweeps, values = block_means(latent.trace[key])
            axes.plot(
                sweeps,
                values,
                **line_style(i),
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                linewidth=1.2,
                alpha=0.85,
                markevery=max(1, len(values) // 10),
                label=name,
            )
        block = -(-latents[0].sweeps // MOST_POINTS)
        if warmup > 0:
            axes.axvspan(0.5, warmup + 0.5, color="#eeeeee", zorder=0, label="warmup")
            axes.set_xlim(0.5, latents[0].sweeps + 0.5)
            # The first steps are so large that they would hide the others.
            settled = [
                values[sweeps > warmup / 2]
                for sweeps, values in (block_means(latent.trace[key]) for latent in latents)
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
    name_lines(panels)
    return described(figure, _traces_alt(latents, names, quantities, warmup))


def _traces_alt(
    latents: Sequence[Latent], names: Sequence[str], quantities: Mapping[str, str], warmup: int
) -> str:
    drawn = ", ".join(quantities.values()) or "nothing"
    ends = ", ".join(
        f"{name} {latent.trace['log_joint'][-1]:,.0f} with {len(latent.sizes)} clusters"
        for name, latent in zip(names, latents, strict=True)
    )
    shaded = f" The first {warmup} sweeps are warmup." if warmup else ""
    return f"Lines by sweep: {drawn}.{shaded} Log joint at the end: {ends}."


@mpl.rc_context(STYLE)
def clusters(
    latent: Latent,
    image_shape: tuple[int, int] | None,
    names: Sequence[str] | None = None,
    *,
    scale_by_size: bool = False,
) -> Figure:
    """Draw the means of the largest clusters, at most `MOST_CLUSTERS`, with their numbers of rows.

    If clusters are left out, the title and the alt text say so.

    Parameters
    ----------
    latent : Latent
        The clusters of one chain.
    image_shape : (rows, columns) or None
        None draws a heatmap: a row for each cluster, a column for each feature.
    names : sequence of str, optional
        The names of the features.
    scale_by_size : bool, default False
        Make the width and height of each image proportional to the size of its cluster, as in the
        2015 study. In the heatmap, scale the height only.
    """
    order = np.argsort(-latent.sizes, kind="stable")[:MOST_CLUSTERS]
    sizes = latent.sizes[order]
    means = feature_means(latent)[order]
    captions = [f"{size:,}" for size in sizes]
    scaled = ", scaled by size" if scale_by_size else ""
    title = f"Chain {latent.chain}: {_shown(latent, 'rows' if image_shape is None else 'images')}"
    alt = (
        f"The means of {_shown(latent, 'rows')}{scaled}, largest first: of {sizes[0]:,} to "
        f"{sizes[-1]:,} rows."
    )
    if image_shape is None:
        heights = sizes if scale_by_size else np.ones(len(sizes))
        return described(profiles(means, captions, heights, title + scaled, names), alt)
    means = means.reshape(-1, *image_shape)
    if scale_by_size:
        tiles = [shrink(mean, size / sizes[0]) for mean, size in zip(means, sizes, strict=True)]
    else:
        tiles = list(means)
    return described(mosaic(tiles, captions, title + scaled), alt)


def _shown(latent: Latent, what: str) -> str:
    """Return which clusters `clusters` draws, and how many rows they have."""
    number, total = len(latent.sizes), len(latent.assignments)
    if number <= MOST_CLUSTERS:
        return f"{number} clusters of {total:,} {what}"
    share = np.sort(latent.sizes)[-MOST_CLUSTERS:].sum() / total
    return f"the largest {MOST_CLUSTERS} of {number:,} clusters, {share:.1%} of {total:,} {what}"


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """Return `image` with width and height times `scale`, centred on white."""
    rows, columns = image.shape
    height, width = (max(1, round(scale * side)) for side in image.shape)
    small = Image.fromarray(image.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    canvas = np.zeros_like(image)
    top, left = (rows - height) // 2, (columns - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(small)
    return canvas
