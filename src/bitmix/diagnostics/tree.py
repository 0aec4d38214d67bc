"""The draws of chains as a tree in ArviZ's format."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from bitmix.chains import Latent, common

#: The quantities of the trace that are compared, in words.
QUANTITIES = {
    "log_joint": "log joint",
    "clusters": "number of clusters",
    "concentration": "concentration",
    "largest": "largest cluster",
    "entropy": "entropy of the sizes",
}


def check_one_run(latents: Sequence[Latent]) -> None:
    common(latents, "sweeps", lambda latent: latent.sweeps)
    first, *others = latents
    for what, of in {
        "data": lambda latent: latent.data_sha256,
        "settings": lambda latent: latent.config,
        "quantities in the trace": lambda latent: set(latent.trace),
    }.items():
        for other in others:
            if of(other) != of(first):
                raise ValueError(
                    f"chains {first.chain} and {other.chain} differ in their {what}: "
                    "only chains of one run can be compared"
                )
    if len({(latent.seed, latent.chain) for latent in latents}) < len(latents):
        raise ValueError("the same chain is there twice: give each chain of the run once")


def draws_tree(latents: Sequence[Latent], warmup: int, pairs: np.ndarray) -> xr.DataTree:
    """Return `Diagnosis.tree` for chains of one run."""
    latent = latents[0]
    chains = np.arange(len(latents))

    def traced(names: Sequence[str], sweeps: slice) -> xr.Dataset:
        values = {name: np.stack([one.trace[name][sweeps] for one in latents]) for name in names}
        return xr.Dataset(
            {name: (("chain", "draw"), draws) for name, draws in values.items()},
            {"chain": chains, "draw": np.arange(1, latent.sweeps + 1)[sweeps]},
        )

    others = [name for name in latent.trace if name not in QUANTITIES]
    before, after = slice(warmup), slice(warmup, None)
    kept = latent.after_warmup(warmup)
    together = np.stack([_together(one.samples["assignments"][kept], pairs) for one in latents])
    coclustering = xr.Dataset(
        {"together": (("chain", "draw", "pair"), together)},
        {
            "chain": chains,
            "draw": latent.samples["sweep"][kept],
            "first": ("pair", pairs[:, 0]),
            "second": ("pair", pairs[:, 1]),
        },
    )
    groups = {
        "/": xr.Dataset(attrs=_origin(latents, warmup)),
        "posterior": traced(list(QUANTITIES), after),
        "sample_stats": traced(others, after),
        "warmup_posterior": traced(list(QUANTITIES), before),
        "warmup_sample_stats": traced(others, before),
        "coclustering": coclustering,
    }
    return xr.DataTree.from_dict(groups)


def _together(assignments: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return whether pairs share a cluster in partitions, (S, N), as int8, shape (S, pairs)."""
    return (assignments[:, pairs[:, 0]] == assignments[:, pairs[:, 1]]).astype(np.int8)


def _origin(latents: Sequence[Latent], warmup: int) -> dict[str, Any]:
    """Return the origin of the draws as attributes of a NetCDF file."""
    latent = latents[0]
    return {
        "inference_library": "bitmix",
        "inference_library_version": version("bitmix"),
        "data_sha256": latent.data_sha256,
        "seeds": [one.seed for one in latents],
        "chains": [one.chain for one in latents],
        "warmup": warmup,
        "settings": json.dumps(latent.config),
    }


def seconds_by_move(stats: xr.DataTree) -> dict[str, float]:
    return {move: float(stats[f"{move}_seconds"].mean()) for move in _ending(stats, "_seconds")}


def proposals_by_kind(stats: xr.DataTree) -> dict[str, dict[str, float]]:
    found = {}
    for kind in _ending(stats, "_proposed"):
        proposed, accepted = (int(stats[f"{kind}_{x}"].sum()) for x in ("proposed", "accepted"))
        rate = accepted / proposed if proposed else math.nan
        found[kind] = {"proposed": proposed, "accepted": accepted, "rate": rate}
    return found


def _ending(stats: xr.DataTree, suffix: str) -> list[str]:
    """Return the names in the trace that end in `suffix`, without it."""
    names = map(str, stats.data_vars)
    return [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
