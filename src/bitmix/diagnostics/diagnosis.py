"""Judging whether chains have mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """What was found about chains.

    Parameters
    ----------
    mixed : bool
        Whether all criteria are met. Chains may meet them and still have missed a part of the
        posterior that none of them has seen.
    verdict : str
        The same in words: what fails, and what to do about it.
    quantities : dict of dict
        By the name of the quantity its `statistics`.
    left_out : dict of str
        The names of quantities that are not judged, of "pairs" if these are not, and why.
    pairs : list of dict
        The `statistics` of how often two rows share a cluster, and which these are: `first` and
        `second`. Empty where no states were kept.
    seconds : dict of float
        By move, its seconds a sweep, on average after the warmup.
    proposals : dict of dict
        By kind ("splits"), over all chains after the warmup, how many were `proposed` and
        `accepted`, and the `rate`, nan if none was proposed.
    tree : xarray.DataTree
        The draws, as ArviZ reads them. The groups `posterior` and `sample_stats` have what the
        trace has after the warmup, of dimensions chain and draw; `warmup_posterior` and
        `warmup_sample_stats` what it has before. The group `coclustering` has `together`, of
        dimensions chain, draw and pair: whether the rows `first` and `second` of the pair share
        a cluster. Draws are named by their sweeps.
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
        """How many sweeps of each chain were left out."""
        return self.tree.attrs["warmup"]

    def draws(self) -> dict[str, np.ndarray]:
        """Return the draws of the quantities that are judged, each (chains, draws), by its words.

        Draws are those after the warmup.
        """
        posterior = self.tree["posterior"]
        return {QUANTITIES[name]: posterior[name].to_numpy() for name in self.quantities}


def diagnose(
    latents: Sequence[Latent],
    x: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    warmup: int | None = None,
    pairs: int = 20,
) -> Diagnosis:
    """Judge whether chains have mixed.

    A quantity that is the same in all draws is left out. Pairs of rows are judged if the chains
    kept enough states.

    Parameters
    ----------
    latents : sequence of Latent
        Chains of one run; one alone can be described, but not compared.
    x : array, shape (N, D)
        The rows that they were sampled from.
    observed : array of bool, shape (N, D), optional
        Their mask, if features are missing.
    warmup : int, optional
        Sweeps to leave out; half of them unless given.
    pairs : int, default 20
        How many pairs of rows to follow, see `choose_pairs`.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError
        If the chains are not different chains of one run, or were sampled from other rows, or
        `warmup` leaves nothing of them.
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
