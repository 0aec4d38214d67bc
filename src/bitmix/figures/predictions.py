"""Figures of completed rows."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bitmix.figures.parts import image_grid, row_heatmaps
from bitmix.figures.style import STYLE, described


@mpl.rc_context(STYLE)
def predictions(
    queries: np.ndarray,
    observed: np.ndarray,
    sampled: np.ndarray,
    expected: np.ndarray,
    image_shape: tuple[int, int] | None,
) -> Figure:
    """Draw completions of partly hidden rows above the rows themselves.

    Parameters
    ----------
    queries : (M, D)
        The true rows, nan where a feature is unknown.
    observed : (D,) or (M, D) bool
        True for the features that were seen.
    sampled, expected : (M, D) float
        The probability of each feature to be on: the mean of posterior predictive samples, and the
        exact expectation.
    image_shape : (rows, columns) or None
        None draws each row as a line of a heatmap.
    """
    seen = np.where(observed, queries, np.nan)
    panels = {
        "seen": seen,
        "predicted\n(samples)": sampled,
        "predicted\n(exact)": expected,
        "truth": queries,
    }
    if image_shape is None:
        figure = row_heatmaps(panels, "Completing rows from their first half")
    else:
        figure = image_grid(panels, image_shape, "Completing images from their upper half")
    hidden = ~(observed | np.isnan(queries))
    right = ((expected > 0.5) == queries)[hidden].mean() if hidden.any() else np.nan
    alt = (
        f"Halves of {len(queries)} rows, their other halves as predicted from samples and exactly, "
        f"and the truth. {right:.0%} of the hidden features are predicted right."
    )
    return described(figure, alt)


@mpl.rc_context(STYLE)
def completions(
    queries: np.ndarray,
    observed: np.ndarray,
    by_chain: np.ndarray,
    samples: np.ndarray,
    image_shape: tuple[int, int] | None,
    *,
    title: str = "Completing rows from the features seen",
) -> Figure:
    """Draw completions of partly hidden rows by each chain, their average, samples and the truth.

    Parameters
    ----------
    queries : (M, D)
        The true rows.
    observed : (D,) or (M, D) bool
        True for the features that were seen.
    by_chain : (chains, M, D) float
        The completions by each chain, for example `bitmix.complete` of each latent alone.
    samples : (M, S, D)
        A few draws of `bitmix.posterior_predictive`. All are shown.
    image_shape : (rows, columns) or None
        None draws each row as a line of a heatmap.
    title : str
    """
    panels = {"seen": np.where(observed, queries, np.nan)}
    panels |= {f"chain {i}": images for i, images in enumerate(by_chain)}
    panels["average"] = np.mean(by_chain, axis=0)
    panels |= {f"sample {i}": samples[:, i] for i in range(samples.shape[1])}
    panels["truth"] = queries
    if image_shape is None:
        figure = row_heatmaps(panels, title)
    else:
        figure = image_grid(panels, image_shape, title)
    alt = (
        f"{title}: {len(queries)} rows as seen, as {len(by_chain)} chains complete them, their "
        f"average, {samples.shape[1]} samples, and the truth."
    )
    return described(figure, alt)
