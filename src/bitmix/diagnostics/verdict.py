"""Whether chains have mixed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bitmix.diagnostics.statistics import FEWEST_DRAWS
from bitmix.diagnostics.tree import QUANTITIES

#: R-hat must be at most this (Vehtari et al. 2021, section 4).
MOST_R_HAT = 1.01
#: The effective sample sizes must be at least this for each chain (Vehtari et al. 2021, section 4).
LEAST_ESS = 100
#: The judged quantities in words.
WORDS = QUANTITIES | {"pairs": "pairs sharing a cluster"}


def unfit(draws: np.ndarray) -> str:
    """Return why a quantity cannot be judged, or "" if it can."""
    # A latent of schema 1 has nan or 0 for unknown values.
    if not np.isfinite(draws).all() or not draws.any():
        return "not recorded: an older version sampled these chains"
    if (draws == draws.flat[0]).all():
        return f"always {draws.flat[0]:,.6g}"
    return ""


def unfit_pairs(together: np.ndarray) -> str:
    """Return why pairs cannot be judged, or "" if they can.

    Parameters
    ----------
    together : ndarray, shape (chains, draws, pairs)
        Whether the rows of each pair share a cluster.
    """
    kept = together.shape[1]
    if kept < LEAST_ESS:
        needed = f"{LEAST_ESS} a chain are needed after the warmup"
        if kept == 0:
            return f"no states were kept, {needed}: set thin"
        return f"{kept} states a chain were kept, {needed}: set thin lower"
    if (together == together[:1, :1]).all():
        return "each pair always does, or never does"
    return ""


def worst_pair(pairs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the worst statistics of the pairs that vary; nan is worse than any number."""
    varying = [pair for pair in pairs if pair["sd"] > 0]
    worst = {"r_hat": np.max, "ess_bulk": np.min, "ess_tail": np.min}
    return {name: float(of([pair[name] for pair in varying])) for name, of in worst.items()}


def judge(
    judged: Mapping[str, Mapping[str, float]],
    sizes: Mapping[str, int],
    settings: Mapping[str, Any],
) -> tuple[bool, str]:
    """Return whether chains have mixed, and a verdict in words.

    Parameters
    ----------
    judged : mapping
        The statistics by quantity, in words.
    sizes : mapping
        The numbers of chains (`chain`) and of draws of each (`draw`).
    settings : mapping
        The settings of the chains.
    """
    chains, draws = sizes["chain"], sizes["draw"]
    after = f"{draws:,} sweep{'s' * (draws > 1)} after the warmup"
    few = f"{after} {'are' if draws > 1 else 'is'} too few"
    remedies = f"What to do: {', '.join(_remedies(chains, settings))}."
    if chains == 1:
        return False, f"One chain cannot show that it has mixed. {remedies}"
    if draws < FEWEST_DRAWS:
        return False, f"It is unknown whether these chains have mixed: {few}. {remedies}"
    if not judged:
        return False, f"These chains cannot be compared: nothing varies in {after}."
    r_hats = {words: found["r_hat"] for words, found in judged.items()}
    worth = {words: min(found["ess_bulk"], found["ess_tail"]) for words, found in judged.items()}
    least = LEAST_ESS * chains
    # Negated, so that nan fails.
    apart = [f"{words} {_r_hat(x)}" for words, x in r_hats.items() if not x <= MOST_R_HAT]
    small = [f"{words} {x:,.0f}" for words, x in worth.items() if not x >= least]
    if not apart and not small:
        return True, (
            f"These chains have mixed, as far as {after} can tell: R-hat is at most "
            f"{max(r_hats.values()):.3f} (allowed: {MOST_R_HAT}), the effective sample size at "
            f"least {min(worth.values()):,.0f} (needed: {least:,})."
        )
    faults = []
    if apart:
        faults.append(f"R-hat of {', '.join(apart)} (above {MOST_R_HAT})")
    if small:
        needed = f"{least:,}, {LEAST_ESS} a chain"
        faults.append(f"effective sample size of {', '.join(small)} (below {needed})")
    return False, f"These chains have not mixed: {'; '.join(faults)}. {remedies}"


def _r_hat(value: float) -> str:
    return "(chains stand still at different values)" if np.isinf(value) else f"{value:.3f}"


def _remedies(chains: int, settings: Mapping[str, Any]) -> list[str]:
    """Return remedies for chains that have not mixed, without those already tried."""
    tried = {
        "more chains": chains > 1,
        "more sweeps": False,
        "add split_merge to the moves": "split_merge" in settings.get("moves", ()),
        "start from seeds (initial: seeded)": settings.get("initial") == "seeded",
    }
    return [remedy for remedy, done in tried.items() if not done]


def notes(left_out: Mapping[str, str]) -> list[str]:
    """Return the verdict's notes on quantities that are not judged."""
    if not left_out:
        return []
    reasons = "; ".join(f"{WORDS[name]} ({reason})" for name, reason in left_out.items())
    return [f"Not judged: {reasons}."]
