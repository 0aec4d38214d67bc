"""Judging whether chains have mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bitmix.chains import Latent
from bitmix.diagnostics.pairs import choose_pairs, describe_pairs
from bitmix.diagnostics.statistics import statistics
from bitmix.diagnostics.tree import (
    QUANTITIES,
    check_one_run,
    draws_tree,
    proposals_by_kind,
    seconds_by_move,
)
from bitmix.diagnostics.verdict import WORDS, judge, notes, unfit, unfit_pairs, worst_pair


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Whether chains have mixed, with the evidence.

    Parameters
    ----------
    mixed : bool
        Whether all criteria are met. Even then, chains may have missed a part of the posterior
        that none of them has visited.
    verdict : str
        The same in words: which criteria fail, and what to do.
    quantities : dict of dict
        The `statistics` of each quantity, by its name.
    left_out : dict of str
        Why a quantity is not judged, by its name. The name of the pairs is "pairs".
    pairs : list of dict
        For each pair of rows: `first`, `second`, and the `statistics` of whether they share a
        cluster. Empty if no states were kept.
    seconds : dict of float
        The mean seconds of a sweep after the warmup, by move; nan if the chains were read from
        files.
    proposals : dict of dict
        For each kind ("splits"), how many all chains `proposed` and `accepted` after the warmup,
        and the `rate` of acceptance, nan if none was proposed.
    tree : xarray.DataTree
        The draws in ArviZ's format. The groups `posterior` and `sample_stats` hold the trace after
        the warmup, with the dimensions chain and draw. `warmup_posterior` and
        `warmup_sample_stats` hold the warmup. The group `coclustering` holds `together`, with the
        dimensions chain, draw and pair: whether the rows `first` and `second` of the pair share a
        cluster. Draws are numbered by their sweeps.
    """

    mixed: bool
    verdict: str
    quantities: dict[str, dict[str, float]]
    left_out: dict[str, str]
    pairs: list[dict[str, float]]
    seconds: dict[str, float]
    proposals: dict[str, dict[str, float]]
    tree: xr.DataTree

    @property
    def warmup(self) -> int:
        """The number of sweeps of each chain that are left out."""
        return self.tree.attrs["warmup"]

    def draws(self) -> dict[str, np.ndarray]:
        """Return the draws of each judged quantity after the warmup, (chains, draws), by label."""
        posterior = self.tree["posterior"]
        return {QUANTITIES[name]: posterior[name].to_numpy() for name in self.quantities}


def diagnose(
    latents: Sequence[Latent],
    x: Any,
    observed: np.ndarray | None = None,
    *,
    warmup: int | None = None,
    pairs: int = 20,
) -> Diagnosis:
    """Judge whether chains have mixed.

    Quantities that never vary are left out. Pairs of rows are judged if the chains keep enough
    states.

    Parameters
    ----------
    latents : sequence of Latent
        The chains of one run. A single chain is described, but cannot be compared.
    x : array, PackedRows or matrix of scipy.sparse, shape (N, D)
        The rows from which the chains were sampled.
    observed : array of bool, shape (N, D), optional
        Their mask, if features are missing.
    warmup : int, optional
        The number of sweeps to leave out; half of them by default.
    pairs : int, default 20
        The number of pairs of rows to follow, see `choose_pairs`.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError
        If the chains are not different chains of one run, if they were sampled from other rows, or
        if `warmup` leaves no sweep.
    """
    check_one_run(latents)
    latent = latents[0]
    x, observed = latent.own_data(x, observed)
    chosen = choose_pairs(x, observed, pairs, seed=latent.seed)
    tree = draws_tree(latents, latent.warmup(warmup), chosen)
    traced = {name: tree["posterior"][name].to_numpy() for name in QUANTITIES}
    left_out = {name: reason for name in QUANTITIES if (reason := unfit(traced[name]))}
    quantities = {name: statistics(draws) for name, draws in traced.items() if name not in left_out}
    together = tree["coclustering"]["together"].to_numpy()
    described = describe_pairs(together, chosen)
    judged = {QUANTITIES[name]: found for name, found in quantities.items()}
    if reason := unfit_pairs(together):
        left_out["pairs"] = reason
    else:
        judged[WORDS["pairs"]] = worst_pair(described)
    mixed, verdict = judge(judged, tree["posterior"].sizes, latent.config)
    return Diagnosis(
        mixed=mixed,
        verdict=" ".join([verdict, *notes(left_out)]),
        quantities=quantities,
        left_out=left_out,
        pairs=described,
        seconds=seconds_by_move(tree["sample_stats"]),
        proposals=proposals_by_kind(tree["sample_stats"]),
        tree=tree,
    )
