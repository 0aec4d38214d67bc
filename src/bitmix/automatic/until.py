"""Sampling until chains have mixed."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bitmix.arguments import check_integer
from bitmix.automatic.plan import annealing_within, rounds, table_settings
from bitmix.chains import Latent
from bitmix.data import as_binary
from bitmix.diagnostics import Diagnosis, diagnose
from bitmix.sampling import Settings
from bitmix.sampling.run import Run, sample_chains

logger = logging.getLogger("bitmix")


def sample_until_mixed(
    x: np.ndarray,
    *,
    observed: np.ndarray | None = None,
    chains: int = 4,
    seed: int = 0,
    partition_prior: str = "dp",
    threads: int | None = None,
    progress: bool | None = None,
    checkpoint_folder: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
    **settings: Any,
) -> tuple[list[Latent], Diagnosis]:
    """Sample chains until they have mixed, or a limit is reached.

    After 2,000 sweeps the chains are compared. If they have not mixed, their sweeps are doubled,
    and so on. The limit of a chain is 128,000 sweeps, or 10^10 rows times features times sweeps.
    Each chain keeps 500 states, half of them after the warmup; fewer with more than 40,000 rows.
    Very large data have one round of fewer than 2,000 sweeps. It anneals at most a quarter of them,
    and none if there are fewer than 100.
    The chains are those of `sample` with the `sweeps`, `thin` and `annealing` that `Latent.config`
    has. These depend on the data and the seed only.

    Parameters
    ----------
    x : array or DataFrame, shape (N, D)
        The rows, as zeros and ones. NaN means missing.
    observed : array of bool, shape (N, D), optional
        False where a feature is missing.
    chains : int, default 4
        The number of chains, at least 2: one chain cannot show that it has mixed.
    seed : int
    partition_prior : {"dp", "mfm"}
        The prior of the assignments, see `bitmix.model.PARTITION_PRIORS`.
    threads, progress, checkpoint_folder, checkpoint_every
        As in `sample`.
    **settings
        Other settings of `sample`, instead of those in `table_settings`.

    Returns
    -------
    latents : list of Latent, one for each chain
    diagnosis : Diagnosis
        Whether they have mixed, and why not.

    Raises
    ------
    ValueError
        As `sample`.
    """
    chains = check_integer("chains", chains, least=2)
    threads = (os.cpu_count() or 1) if threads is None else check_integer("threads", threads)
    x, observed = as_binary(x, observed)
    chosen, plan = table_settings(partition_prior) | settings, rounds(*x.shape)
    annealing = check_integer("annealing", chosen["annealing"], least=0)
    chosen["annealing"] = annealing_within(plan[0][0], annealing)
    latents: list[Latent] = []
    for sweeps, thin in plan:
        now = Settings(sweeps=sweeps, thin=thin, **chosen)
        folder = checkpoint_folder and Path(checkpoint_folder, f"{sweeps}-sweeps")
        run = Run(x, observed, seed, now, folder, checkpoint_every)
        starts = [_thinned(latent, now) for latent in latents] or None
        latents = sample_chains(run, range(chains), threads, progress, starts)
        diagnosis = diagnose(latents, x, observed)
        logger.info("%s sweeps: %s", f"{sweeps:,}", diagnosis.verdict.partition(" What to")[0])
        if diagnosis.mixed:
            break
    return latents, diagnosis


def _thinned(latent: Latent, settings: Settings) -> Latent:
    """Return a chain as it is on its way to more sweeps, of which fewer are kept."""
    kept = latent.samples["sweep"] % settings.thin == 0
    samples = {name: values[kept] for name, values in latent.samples.items()}
    return replace(latent, config=asdict(settings), samples=samples)
