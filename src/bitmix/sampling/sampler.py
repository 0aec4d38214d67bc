"""Sampling chains: the two functions that users call."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from bitmix.arguments import check_integer, suggest_keywords
from bitmix.chains import Latent
from bitmix.sampling.run import Run, sample_chains
from bitmix.sampling.settings import Settings


@suggest_keywords
def sample(
    x: np.ndarray,
    *,
    observed: np.ndarray | None = None,
    chains: int = 5,
    seed: int = 0,
    sweeps: int = Settings.sweeps,
    initial: str = Settings.initial,
    initial_clusters: int = Settings.initial_clusters,
    annealing: int = Settings.annealing,
    concentration: float = Settings.concentration,
    concentration_prior: tuple[float, float] = Settings.concentration_prior,
    partition_prior: str = Settings.partition_prior,
    hyperprior: str = Settings.hyperprior,
    moves: Sequence[str] = Settings.moves,
    proposals: int | str = Settings.proposals,
    thin: int | None = Settings.thin,
    threads: int | None = None,
    progress: bool | None = None,
    checkpoint_folder: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
) -> list[Latent]:
    """Sample chains of a mixture of binary rows with an unknown number of clusters.

    A chain starts from a first partition and alpha_d = beta_d = 1. Each sweep makes each move of
    the schedule once. Chains differ only in their random numbers. They run in threads.

    Parameters
    ----------
    x : array, PackedRows or matrix of scipy.sparse, shape (N, D)
        The rows, as zeros and ones. NaN means missing.
    observed : array of bool, shape (N, D), optional
        False where a feature is missing. The value of `x` there does not matter. Counts and scores
        leave out missing features.
    chains : int
        The number of chains.
    seed : int
        The seed of all chains. Chain i draws from ``SeedSequence(seed).spawn(chains)[i]``, so it is
        the same for any number of chains.
    sweeps : int
        The number of sweeps of each chain.
    initial : {"random", "single", "seeded"}
        The first partition. "random", as in the 2015 study, puts each row in a cluster uniformly at
        random. "single" puts all rows in one cluster. "seeded" draws rows at random as centres and
        puts each row with the nearest centre: chains need fewer sweeps.
    initial_clusters : int
        The number of clusters of the first partition, at most the number of rows. "single" ignores
        it.
    annealing : int
        The number of first sweeps that are annealed, below `sweeps`. In these sweeps rows change
        cluster more often than the posterior says, less so from sweep to sweep. Chains then reach
        partitions with a higher log joint, see `bitmix.sampling.annealing`. Annealed sweeps belong
        to the warmup, and their states are not kept.
    concentration : float
        The concentration of the Chinese restaurant process. With the move "concentration" it is
        the first value. Without that move it does not change.
    concentration_prior : (shape, rate)
        The Gamma hyperprior of the concentration, for the move "concentration".
    partition_prior : {"dp", "mfm"}
        The prior of the assignments: a Dirichlet process, or a mixture of finite mixtures. The
        latter estimates the number of clusters. See `bitmix.model.PARTITION_PRIORS`.
    hyperprior : {"exponential", "bda"}
        The hyperprior of alpha and beta, see `bitmix.model.HYPERPRIORS`.
    moves : sequence of str
        The schedule of a sweep: any of "assign", "split_merge", "concentration" and "pixel_priors",
        in any order. "assign" must be there. "feature_priors" is another name of "pixel_priors".
    proposals : int or "auto"
        The number of proposals of the move "split_merge" in a sweep. "auto" learns it in the first
        sweeps, from what proposals gain and how much work they are.
    thin : int, optional
        Keep the state after every `thin`-th sweep, in `Latent.samples`. None keeps the last state
        only.
    threads : int, optional
        The number of chains that run at once; by default the number of cores. The result does not
        depend on it.
    progress : bool, optional
        None shows a bar in a terminal or notebook and nothing elsewhere. True writes a line to the
        log every few seconds where nobody sees a bar. False shows nothing.
    checkpoint_folder : path-like, optional
        The folder where each chain saves its state as `<chain>.pkl` while it runs: every few
        seconds, when you interrupt it (Ctrl-C), and at its end. A chain continues from the state
        that it finds there if data, seed, code and settings other than `sweeps` are the same. If
        not, it starts over and the log says why. In both cases, the chain has the same bits.
    checkpoint_every : float
        Seconds from one save to the next. A state is saved at the end of a sweep.

    Returns
    -------
    latents : list of Latent, one for each chain

    Raises
    ------
    TypeError
        If an argument is unknown. The message names the most similar one.
    ValueError
        If `x` is not two-dimensional, has values other than 0, 1 and NaN, or a setting is not
        allowed.
    OSError
        If the first checkpoint cannot be written. Later failures are logged.
    CheckpointTaken
        If another process has begun to sample a chain into the same checkpoint.

    Warns
    -----
    UserWarning
        If features are constant in the data and their hyperprior is improper.
    """
    chains = check_integer("chains", chains)
    threads = (os.cpu_count() or 1) if threads is None else check_integer("threads", threads)
    settings = Settings(
        sweeps=sweeps,
        initial=initial,
        initial_clusters=initial_clusters,
        annealing=annealing,
        concentration=concentration,
        concentration_prior=concentration_prior,
        partition_prior=partition_prior,
        hyperprior=hyperprior,
        moves=moves,
        proposals=proposals,
        thin=thin,
    )
    run = Run(x, observed, seed, settings, checkpoint_folder, checkpoint_every)
    return sample_chains(run, range(chains), threads, progress)


@suggest_keywords
def sample_chain(
    x: np.ndarray,
    chain: int,
    *,
    observed: np.ndarray | None = None,
    seed: int = 0,
    sweeps: int = Settings.sweeps,
    initial: str = Settings.initial,
    initial_clusters: int = Settings.initial_clusters,
    annealing: int = Settings.annealing,
    concentration: float = Settings.concentration,
    concentration_prior: tuple[float, float] = Settings.concentration_prior,
    partition_prior: str = Settings.partition_prior,
    hyperprior: str = Settings.hyperprior,
    moves: Sequence[str] = Settings.moves,
    proposals: int | str = Settings.proposals,
    thin: int | None = Settings.thin,
    progress: bool | None = None,
    checkpoint_folder: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
) -> Latent:
    """Sample one chain: ``sample(x, ...)[chain]`` bit for bit, without the others.

    Parameters, errors and warnings are those of `sample`.
    """
    chain = check_integer("chain", chain, least=0)
    settings = Settings(
        sweeps=sweeps,
        initial=initial,
        initial_clusters=initial_clusters,
        annealing=annealing,
        concentration=concentration,
        concentration_prior=concentration_prior,
        partition_prior=partition_prior,
        hyperprior=hyperprior,
        moves=moves,
        proposals=proposals,
        thin=thin,
    )
    run = Run(x, observed, seed, settings, checkpoint_folder, checkpoint_every)
    (latent,) = sample_chains(run, [chain], 1, progress)
    return latent
