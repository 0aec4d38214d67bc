"""Figures of completed rows."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

from bitmix.chains import Latent
from bitmix.data import Dataset
from bitmix.figures.parts import image_grid, row_heatmaps
from bitmix.figures.style import STYLE, Figure, described
from bitmix.predict import Mixture, complete, responsibilities


def predictions(
    queries: Dataset, observed: np.ndarray, sampled: np.ndarray, expected: np.ndarray
) -> Figure:
    """Draw completions of partly hidden rows above the rows themselves.

    Parameters
    ----------
    queries : Dataset
        The M true rows.
    observed : (D,) or (M, D) bool
        True for the features that were seen.
    sampled, expected : (M, D) float
        The probability of each feature to be on: the mean of posterior predictive samples, and the
        exact expectation.
    """
    panels = {
        "seen": np.where(observed, queries.values, np.nan),
        "predicted\n(samples)": sampled,
        "predicted\n(exact)": expected,
        "truth": queries.values,
    }
    images = queries.image_shape is not None
    title = f"Completing {'images from their upper' if images else 'rows from their first'} half"
    hidden = ~(observed | np.isnan(queries.values))
    right = ((expected > 0.5) == queries.x)[hidden].mean() if hidden.any() else np.nan
    alt = (
        f"Halves of {len(queries.x)} rows, their other halves as predicted from samples and "
        f"exactly, and the truth. {right:.0%} of the hidden features are predicted right."
    )
    return _drawn(panels, queries, title, alt)


def completions(
    queries: Dataset,
    observed: np.ndarray,
    by_chain: np.ndarray,
    samples: np.ndarray,
    *,
    title: str = "Completing rows from the features seen",
) -> Figure:
    """Draw completions of partly hidden rows by each chain, their average, samples and the truth.

    Parameters
    ----------
    queries : Dataset
        The M true rows.
    observed : (D,) or (M, D) bool
        True for the features that were seen.
    by_chain : (chains, M, D) float
        The completions by each chain, for example `bitmix.complete` of each latent alone.
    samples : (M, S, D)
        A few draws of `bitmix.posterior_predictive`. All are shown.
    title : str
    """
    panels = {"seen": np.where(observed, queries.values, np.nan)}
    panels |= {f"chain {i}": rows for i, rows in enumerate(by_chain)}
    panels["average"] = np.mean(by_chain, axis=0)
    panels |= {f"sample {i}": samples[:, i] for i in range(samples.shape[1])}
    panels["truth"] = queries.values
    alt = (
        f"{title}: {len(queries.x)} rows as seen, as {len(by_chain)} chains complete them, their "
        f"average, {samples.shape[1]} samples, and the truth."
    )
    return _drawn(panels, queries, title, alt)


def responsible(
    latent: Latent, queries: Dataset, observed: np.ndarray, clusters: int = 3
) -> Figure:
    """Draw the clusters that are responsible for the observed features of rows.

    Parameters
    ----------
    latent : Latent
    queries : Dataset
        The M rows.
    observed : (D,) or (M, D) bool
        True for the features that are seen.
    clusters : int
        The number of clusters to show for each row, the most responsible first.
    """
    weights = responsibilities(latent, queries.x, observed)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :clusters]
    means = Mixture.of_latent(latent).means  # the last is a new cluster
    shares = np.take_along_axis(weights, order, axis=1)
    panels = {"seen": np.where(observed, queries.values, np.nan)}
    panels |= {f"cluster {i}": means[best] for i, best in enumerate(order.T, start=1)}
    panels["completed"] = complete([latent], queries.x, observed)
    notes = {
        f"cluster {i}": [f"{share:.0%}" for share in column]
        for i, column in enumerate(shares.T, start=1)
    }
    alt = (
        f"Halves of {len(queries.x)} rows and the {order.shape[1]} clusters of chain "
        f"{latent.chain} that fit them best. The first has a probability from "
        f"{shares[:, 0].min():.0%} to {shares[:, 0].max():.0%}."
    )
    return _drawn(panels, queries, "Which clusters are responsible?", alt, notes)


@mpl.rc_context(STYLE)
def _drawn(
    panels: dict[str, np.ndarray],
    queries: Dataset,
    title: str,
    alt: str,
    notes: dict[str, list[str]] | None = None,
) -> Figure:
    """Draw panels of rows as images, or without an image shape as heatmaps."""
    if queries.image_shape is None:
        return described(row_heatmaps(panels, title), alt)
    return described(image_grid(panels, queries.image_shape, title, notes), alt)
