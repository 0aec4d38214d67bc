"""Statistics of draws by several chains, through ArviZ."""

from __future__ import annotations

import math

import numpy as np
from arviz_stats.base import array_stats

#: With fewer draws, there is no R-hat and no effective sample size.
FEWEST_DRAWS = 4
_PER_CHAIN = {"chain_axis": 0, "draw_axis": 1}


def statistics(draws: np.ndarray) -> dict[str, float]:
    """Return the mean of a quantity over the draws of several chains, its precision and R-hat.

    Parameters
    ----------
    draws : array, shape (chains, draws)

    Returns
    -------
    statistics : dict of float
        `mean` and `sd` are those of all draws. `mcse_mean` is the Monte Carlo standard error of the
        mean. `r_hat` is the larger of two: the rank-normalised split R-hat, and that of the draws
        folded about their median (Vehtari et al. 2021, section 4). It is infinite if each half of
        a chain has one value and these differ. `ess_bulk` is the effective sample size of the
        rank-normalised draws. `ess_tail` is the smaller of those of their 5% and 95% quantiles (the
        same section). All but the first two need 4 draws, and `r_hat` needs 2 chains. Without these
        they are nan.
    """
    draws = np.asarray(draws, float)
    found = {
        "mean": draws.mean(),
        "sd": draws.std(ddof=1) if draws.size > 1 else math.nan,
        "mcse_mean": array_stats.mcse(draws, method="mean", **_PER_CHAIN),
        "r_hat": _r_hat(draws),
        "ess_bulk": array_stats.ess(draws, method="bulk", **_PER_CHAIN),
        "ess_tail": array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **_PER_CHAIN),
    }
    return {name: float(value) for name, value in found.items()}


def _r_hat(draws: np.ndarray) -> float:
    chains, length = draws.shape
    halves = np.concatenate([draws[:, : length // 2], draws[:, length - length // 2 :]])
    if chains > 1 and length >= FEWEST_DRAWS:
        still = (halves == halves[:, :1]).all() and not (halves == halves[0, 0]).all()
        if still:
            return math.inf  # ArviZ would divide by rounding errors
    with np.errstate(divide="ignore", invalid="ignore"):  # folded draws may be constant too
        return array_stats.rhat(draws, method="rank", **_PER_CHAIN)


def autocorrelation(draws: np.ndarray, lags: int = 100) -> np.ndarray:
    """Return the autocorrelation of each chain by lag, shape (chains, at most lags + 1).

    It starts at lag 0. It is nan for a chain that never changes.
    """
    return array_stats.autocorr(np.asarray(draws, float), axis=1)[:, : lags + 1]
