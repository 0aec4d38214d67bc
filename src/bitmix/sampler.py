"""Chains of the sampler: start, schedule of moves, trace."""

from __future__ import annotations

import math
import operator
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from bitmix import _gibbs
from bitmix.arguments import check_choice
from bitmix.data import data_sha256
from bitmix.latents import TRACE, Latent
from bitmix.model import HYPERPRIORS
from bitmix.moves import MOVES
from bitmix.progress import Progress, progress_of


@dataclass(frozen=True)
class Settings:
    """What a chain is run with, beside its data and seed.

    Raises
    ------
    ValueError
        If a value is not allowed; the message names it and what is.
    """

    sweeps: int
    initial: str
    initial_clusters: int
    concentration: float
    hyperprior: str
    moves: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("sweeps", "initial_clusters"):
            _set(self, name, _whole(name, getattr(self, name)))
        concentration = float(self.concentration)
        if not (0 < concentration < math.inf):
            raise ValueError(f"concentration must be a positive number, not {concentration}")
        _set(self, "concentration", concentration)
        check_choice("initial", self.initial, INITIAL)
        check_choice("hyperprior", self.hyperprior, HYPERPRIORS)
        moves = (self.moves,) if isinstance(self.moves, str) else tuple(self.moves)
        for move in moves:
            check_choice("moves", move, MOVES)
        if "assign" not in moves:
            raise ValueError("moves must include 'assign': no other move reaches every partition")
        _set(self, "moves", moves)


def sample(
    x: np.ndarray,
    *,
    observed: np.ndarray | None = None,
    chains: int = 5,
    sweeps: int = 5,
    seed: int = 0,
    initial: str = "random",
    initial_clusters: int = 100,
    concentration: float = 1.0,
    hyperprior: str = "exponential",
    moves: Sequence[str] = ("assign", "pixel_priors"),
    threads: int | None = None,
    progress: Progress = None,
) -> list[Latent]:
    """Sample chains of a Dirichlet-process mixture of Beta-Bernoulli pixels.

    A chain starts from one of the `INITIAL` partitions and alpha_d = beta_d = 1. A sweep makes each
    of the moves once. Chains differ in their random
    numbers alone and run side by side in threads.

    Parameters
    ----------
    x : array, shape (N, D)
        Images, as zeros and ones.
    observed : array of bool, shape (N, D), optional
        False where a pixel is missing: it is left out of counts and scores, whatever `x` has there.
    chains, sweeps : int
        How many chains, and how many sweeps of each.
    seed : int
        Chain i draws from ``SeedSequence(seed).spawn(chains)[i]``, so that it is the same however
        many chains there are.
    initial : {"random", "seeded"}
        The first partition. "random", the study's, puts each image in a cluster uniformly at
        random. "seeded" takes images drawn at random for centres and puts each image with the
        nearest of them: chains get much further in few sweeps.
    initial_clusters : int
        Clusters of the first partition; those that get no image do not exist.
    concentration : float
        Concentration of the Chinese restaurant process.
    hyperprior : str
        Hyperprior of alpha_d and beta_d, a key of `bitmix.model.HYPERPRIORS`.
    moves : sequence of str
        The schedule of a sweep, keys of `bitmix.moves.MOVES`.
    threads : int, optional
        Chains that run at once; as many as there are cores unless given.
    progress : {None, False, "bar", "log"}
        None shows a bar in a terminal or notebook and nothing elsewhere; "log" writes a line to
        the log every few seconds.

    Returns
    -------
    latents : list of Latent, one for each chain

    Raises
    ------
    ValueError
        If `x` is not two-dimensional and of zeros and ones, or a setting is not allowed.
    """
    settings = Settings(sweeps, initial, initial_clusters, concentration, hyperprior, tuple(moves))
    chains = _whole("chains", chains)
    threads = (os.cpu_count() or 1) if threads is None else _whole("threads", threads)
    run = _Sampler(x, observed, seed, settings)
    with (
        progress_of(progress, chains * settings.sweeps, "sweep") as step,
        ThreadPoolExecutor(min(threads, chains)) as pool,
    ):
        try:
            return list(pool.map(lambda chain: run.chain(chain, step), range(chains)))
        except BaseException:  # Ctrl-C, say: let the threads end with their sweep
            run.stopped = True
            raise


def sample_chain(
    x: np.ndarray,
    chain: int,
    *,
    observed: np.ndarray | None = None,
    sweeps: int = 5,
    seed: int = 0,
    initial: str = "random",
    initial_clusters: int = 100,
    concentration: float = 1.0,
    hyperprior: str = "exponential",
    moves: Sequence[str] = ("assign", "pixel_priors"),
    progress: Progress = None,
) -> Latent:
    """Sample one chain: ``sample(x, ...)[chain]`` bit for bit, without the others.

    Parameters and errors are those of `sample`.
    """
    settings = Settings(sweeps, initial, initial_clusters, concentration, hyperprior, tuple(moves))
    chain = _whole("chain", chain, least=0)
    with progress_of(progress, settings.sweeps, "sweep") as step:
        return _Sampler(x, observed, seed, settings).chain(chain, step)


class _Sampler:
    """What the chains of a run share: the images, packed once, the seed and the settings."""

    def __init__(
        self, x: np.ndarray, observed: np.ndarray | None, seed: int, settings: Settings
    ) -> None:
        self.seed = _whole("seed", seed, least=0)
        x, observed = as_binary(x, observed)
        self.settings = settings
        self.stopped = False
        self.x, self.observed = x, observed
        self.images = _gibbs.Images(x, observed)
        # takes a while: meanwhile the chains begin
        aside = ThreadPoolExecutor(1)
        self.data_sha256 = aside.submit(data_sha256, x, observed)
        aside.shutdown(wait=False)

    def chain(self, chain: int, step: Callable[[str], None]) -> Latent:
        generator = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(chain,)))
        mixture = self._start(generator)
        trace = []
        while len(trace) < self.settings.sweeps and not self.stopped:
            trace.append(self._sweep(mixture, generator, step))
        return Latent(
            assignments=mixture.assignments,
            sizes=mixture.sizes,
            counts=mixture.counts,
            alpha=mixture.alpha,
            beta=mixture.beta,
            concentration=mixture.concentration,
            trace={
                name: np.array([entry[name] for entry in trace], dtype)
                for name, dtype in TRACE.items()
            },
            config=asdict(self.settings),
            seed=self.seed,
            chain=chain,
            data_sha256=self.data_sha256.result(),
            generator=generator.state,
            observed=mixture.observed,
        )

    def _start(self, generator: np.random.BitGenerator) -> _gibbs.Mixture:
        first = INITIAL[self.settings.initial]
        labels = first(self.x, self.observed, self.settings.initial_clusters, generator)
        _, assignments = np.unique(labels, return_inverse=True)
        d = self.x.shape[1]
        return self.images.mixture(assignments, np.ones(d), np.ones(d), self.settings.concentration)

    def _sweep(self, mixture, generator, step) -> dict[str, float]:
        """Make each move once; returns the sweep's entry of the trace."""
        start = time.perf_counter()
        entry = {}
        for move in self.settings.moves:
            entry |= MOVES[move](mixture, HYPERPRIORS[self.settings.hyperprior], generator)
        entry["seconds"] = time.perf_counter() - start
        entry["log_joint"] = mixture.log_joint()
        entry["clusters"] = mixture.clusters
        step(f"log joint {entry['log_joint']:,.0f}, {entry['clusters']} clusters")
        return entry


def random_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return a cluster for each image, uniformly at random, shape (N,)."""
    return _gibbs.integers(generator, clusters, len(x))


def seeded_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return for each image the nearest of `clusters` images drawn at random, shape (N,).

    The distance is Hamming's; with missing pixels it is the share of the pixels observed in both
    that differ.
    """
    centres = _gibbs.permutation(generator, len(x))[:clusters]
    seen = np.ones((1, x.shape[1]), bool) if observed is None else observed
    seen_centres = seen if observed is None else seen[centres]

    def signed(x, seen):  # +1 on, -1 off, 0 missing: exact in any order of summation
        return (2.0 * x - 1) * seen

    c = signed(x[centres], seen_centres).astype(np.float32).T
    both_c = seen_centres.astype(np.float32).T
    nearest = np.empty(len(x), np.intp)
    for rows in np.array_split(np.arange(len(x)), -(-len(x) // 4096)):
        here = seen if observed is None else seen[rows]
        agreement = signed(x[rows], here).astype(np.float32) @ c
        if observed is not None:
            agreement /= np.maximum(here.astype(np.float32) @ both_c, 1)
        nearest[rows] = agreement.argmax(axis=1)
    return nearest


#: First partitions of a chain by name.
INITIAL = {"random": random_partition, "seeded": seeded_partition}


def as_binary(
    x: np.ndarray, observed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return `x` as uint8, zero where missing, and `observed`, None if nothing is missing.

    Raises
    ------
    ValueError
        If `x` is not (N, D) of zeros and ones where observed, or `observed` no mask of that shape.
    """
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"x must have the shape (N, D) with N and D at least 1, not {x.shape}")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x must hold numbers or booleans, not {x.dtype}")
    if observed is not None:
        observed = np.asarray(observed)
        if observed.dtype != bool or observed.shape != x.shape:
            raise ValueError(
                f"observed must be boolean of the shape of x, {x.shape}, True where a pixel is "
                f"seen, not {observed.dtype} of shape {observed.shape}"
            )
        if observed.all():
            observed = None
        else:
            x = np.where(observed, x, 0)
    if not (x.dtype == np.uint8 and x.max() <= 1):
        wrong = (x != 0) & (x != 1)
        if wrong.any():
            row, column = np.unravel_index(wrong.argmax(), x.shape)
            raise ValueError(
                f"x must hold only 0 and 1, found {x[row, column]} at row {row}, column {column}; "
                "binarise it, e.g. x > threshold; say what is missing by `observed`"
            )
    return np.ascontiguousarray(x, dtype=np.uint8), observed


def _set(settings: Settings, name: str, value: object) -> None:
    object.__setattr__(settings, name, value)


def _whole(name: str, value: object, least: int = 1) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number
