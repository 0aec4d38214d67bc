"""Figures that show whether chains have mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator

from bitmix.chains import Latent
from bitmix.diagnostics import QUANTITIES, Diagnosis
from bitmix.figures.chains import traces
from bitmix.figures.parts import line_style, name_lines, new_panels
from bitmix.figures.style import STYLE, Figure, described


def diagnosis_traces(latents: Sequence[Latent], diagnosis: Diagnosis) -> Figure:
    """Draw the quantities that a diagnosis compares, after every sweep, with a shaded warmup."""
    judged = {name: QUANTITIES[name] for name in diagnosis.quantities}
    return traces(latents, quantities=judged, warmup=diagnosis.warmup)


@mpl.rc_context(STYLE)
def ranks(quantities: Mapping[str, np.ndarray], verdict: str = "") -> Figure:
    """Draw how the draws of each chain rank among the draws of all chains.

    These are the differences of distribution functions of Sailynoja, Buerkner and Vehtari (2022),
    "Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and
    multiple sample comparison". For each level, the figure shows the share of a chain's draws below
    it minus the share of the draws of all chains below it.

    Parameters
    ----------
    quantities : mapping of str to (C, S)
        S draws of C chains by label, from `bitmix.diagnostics.Diagnosis.draws`.
    verdict : str
        The verdict of the diagnosis, for the alt text.
    """
    figure, panels = new_panels("Does each chain have its share of all ranks?", len(quantities))
    for axes, (label, draws) in zip(panels, quantities.items(), strict=True):
        levels = np.quantile(draws, np.linspace(0, 1, 201), method="inverted_cdf")
        shares = _shares_below(draws.ravel(), levels)
        for i, chain in enumerate(draws):
            excess = _shares_below(chain, levels) - shares
            axes.plot(
                np.append(0, shares), np.append(0, excess), **line_style(i), label=f"chain {i}"
            )
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.set(xlabel="share of all draws", ylabel="excess share of its draws", xlim=(0, 1))
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, -0.1), max(high, 0.1))  # small differences should look small
        axes.set_title(label, fontsize=9)
    name_lines(panels)
    alt = (
        "Share of each chain's draws below a level minus the share of all draws, zero if chains "
        "agree: "
        f"{', '.join(quantities) or 'nothing'}. {verdict}"
    )
    return described(figure, alt.strip())


@mpl.rc_context(STYLE)
def autocorrelations(quantities: Mapping[str, np.ndarray], verdict: str = "") -> Figure:
    """Draw how long chains remember earlier states.

    Parameters
    ----------
    quantities : mapping of str to (C, L)
        The autocorrelation of C chains at lags 0 to L - 1 by label, from
        `bitmix.diagnostics.autocorrelation`.
    verdict : str
        The verdict of the diagnosis, for the alt text.
    """
    figure, panels = new_panels("How long do the chains remember?", len(quantities))
    for axes, (label, values) in zip(panels, quantities.items(), strict=True):
        axes.axhline(0, color="#999999", linewidth=0.8)
        for i, chain in enumerate(values):
            axes.plot(np.arange(len(chain)), chain, **line_style(i), label=f"chain {i}")
        axes.set(xlabel="lag (sweeps)", ylabel="autocorrelation")
        axes.set_title(label, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_lines(panels)
    alt = (
        "Autocorrelation of each chain by lag, from 1 at lag 0: "
        f"{', '.join(quantities) or 'nothing'}. {verdict}"
    )
    return described(figure, alt.strip())


def _shares_below(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the share of values, (S,), that are at most each level, (L,)."""
    return np.searchsorted(np.sort(values), levels, side="right") / len(values)
