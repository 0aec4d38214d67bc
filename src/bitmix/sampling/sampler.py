"""Chains of the sampler: start, schedule of moves, trace, samples."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.arguments import positive, whole
from bitmix.chains import TRACE, Latent, size_entropy, stack_samples
from bitmix.code import chain_sha256
from bitmix.data import as_binary, data_sha256
from bitmix.model import HYPERPRIORS
from bitmix.sampling.checkpoints import Checkpoint
from bitmix.sampling.initial import INITIAL
from bitmix.sampling.moves import MOVES
from bitmix.sampling.progress import Steps, report_progress
from bitmix.sampling.settings import Settings
from bitmix.streams import stream


def sample(
    x: np.ndarray,
    *,
    observed: np.ndarray | None = None,
    chains: int = 5,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | None = None,
    checkpoint_folder: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
    **settings: Any,
) -> list[Latent]:
    """Sample chains of a Dirichlet-process mixture of Beta-Bernoulli pixels.

    A chain starts from one of the `INITIAL` partitions and alpha_d = beta_d = 1. A sweep makes each
    of the moves once. Chains differ in their random numbers alone and run side by side in threads.

    Parameters
    ----------
    x : array, shape (N, D)
        Images, as zeros and ones.
    observed : array of bool, shape (N, D), optional
        False where a pixel is missing: it is left out of counts and scores, whatever `x` has there.
    chains : int
        How many chains.
    seed : int
        Chain i draws from ``SeedSequence(seed).spawn(chains)[i]``, so that it is the same however
        many chains there are.
    threads : int, optional
        Chains that run at once; as many as there are cores unless given.
    progress : {None, False, "bar", "log"}
        None shows a bar in a terminal or notebook and nothing elsewhere; "log" writes a line to
        the log every few seconds.
    checkpoint_folder : path-like, optional
        Where each chain keeps its state as `<chain>.pkl` while it runs: every few seconds, when it
        is interrupted (Ctrl-C), and at its end. A chain continues from a state that it finds there
        if data, seed, settings but for `sweeps`, and code are the same, and starts over if not,
        which the log says. Either way it is the same chain to the last bit (but for the seconds).
    checkpoint_every : float
        Seconds from one such state to the next; a state is kept at the end of a sweep.
    **settings
        `sweeps`, `initial`, `initial_clusters`, `concentration`, `concentration_prior`,
        `hyperprior`, `moves`, `proposals` and `thin`: see `bitmix.sampling.settings.Settings`.

    Returns
    -------
    latents : list of Latent, one for each chain

    Raises
    ------
    ValueError
        If `x` is not two-dimensional and of zeros and ones, or a setting is not allowed.
    OSError
        If the checkpoints cannot be written in the beginning; what fails later is logged.
    CheckpointTaken
        If another process has begun to sample a chain into the same checkpoint.

    Warns
    -----
    UserWarning
        If pixels are constant in the data and their hyperprior is improper.
    """
    chains = whole("chains", chains)
    threads = (os.cpu_count() or 1) if threads is None else whole("threads", threads)
    run = _Run(x, observed, seed, Settings(**settings), checkpoint_folder, checkpoint_every)
    return _sample(run, range(chains), threads, progress)


def sample_chain(
    x: np.ndarray,
    chain: int,
    *,
    observed: np.ndarray | None = None,
    seed: int = 0,
    progress: bool | None = None,
    checkpoint_folder: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
    **settings: Any,
) -> Latent:
    """Sample one chain: ``sample(x, ...)[chain]`` bit for bit, without the others.

    Parameters, errors and warnings are those of `sample`.
    """
    chain = whole("chain", chain, least=0)
    run = _Run(x, observed, seed, Settings(**settings), checkpoint_folder, checkpoint_every)
    (latent,) = _sample(run, [chain], 1, progress)
    return latent


def _sample(run: _Run, chains: Sequence[int], threads: int, progress: bool | None) -> list[Latent]:
    """Sample in threads other than the main one, in which Ctrl-C strikes anywhere in a sweep."""
    with (
        report_progress(progress, len(chains) * run.settings.sweeps, "sweep") as steps,
        ThreadPoolExecutor(min(threads, len(chains))) as pool,
    ):
        try:
            futures = [pool.submit(run.sample, chain, steps) for chain in chains]
            for future in as_completed(futures):
                future.result()  # raises what a chain raised
        except BaseException:  # or Ctrl-C: let the threads end with their sweep
            run.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


class _Run:
    """What the chains of a run share: the images, packed once, the seed and the settings."""

    def __init__(
        self,
        x: np.ndarray,
        observed: np.ndarray | None,
        seed: int,
        settings: Settings,
        checkpoint_folder: str | os.PathLike[str] | None,
        checkpoint_every: float,
    ) -> None:
        self.seed = whole("seed", seed, least=0)
        self.checkpoint_folder = checkpoint_folder
        self.checkpoint_every = positive("checkpoint_every", checkpoint_every)
        self.settings = settings
        self.stopped = False
        self.x, self.observed = as_binary(x, observed)
        _warn_of_constant_pixels(self.x, self.observed, settings)
        self.rows = kernel.Rows(self.x, self.observed)
        # takes a while: meanwhile the chains begin
        aside = ThreadPoolExecutor(1)
        self.data_sha256 = aside.submit(data_sha256, self.x, self.observed)
        aside.shutdown(wait=False)

    def identity(self, chain: int) -> dict[str, Any]:
        """What a chain is a function of, as items of its Latent."""
        return {
            "data_sha256": self.data_sha256.result(),
            "seed": self.seed,
            "chain": chain,
            "config": asdict(self.settings),
            "code_sha256": chain_sha256(),
        }

    def sample(self, number: int, steps: Steps) -> Latent:
        """Sample a chain, up to the last sweep or until stopped."""
        checkpoint, found = self._checkpoint(number), None
        if checkpoint:
            found = checkpoint.read(self.identity(number))
        chain = _Chain(self, number, found)
        if checkpoint:
            checkpoint.open(chain.latent())
        steps.skip(chain.sweeps)
        while chain.sweeps < self.settings.sweeps and not self.stopped:
            steps.step(chain.sweep())
            if checkpoint and checkpoint.due():
                checkpoint.save(chain.latent())
        latent = chain.latent()
        if checkpoint:
            checkpoint.save(latent)
        return latent

    def _checkpoint(self, number: int) -> Checkpoint | None:
        folder = self.checkpoint_folder
        return folder and Checkpoint(Path(folder, f"{number}.pkl"), self.checkpoint_every)


class _Chain:
    """A chain that is being sampled.

    Parameters
    ----------
    run : _Run
    number : int
        Which of the run's chains.
    latent : Latent, optional
        A state of this very chain, to go on from; the start unless given.
    """

    def __init__(self, run: _Run, number: int, latent: Latent | None = None) -> None:
        self.run, self.number = run, number
        self.generator = stream(run.seed, number)
        if latent is None:
            self.mixture = self._first()
            self.trace = {name: [] for name in TRACE}
            self.kept = []
        else:
            self.generator.state = latent.generator
            self.mixture = kernel.mixture_of(
                run.rows, latent.assignments, latent.alpha, latent.beta, latent.concentration
            )
            self.trace = {name: values.tolist() for name, values in latent.trace.items()}
            self.kept = list(zip(*latent.samples.values(), strict=True))

    def _first(self) -> kernel.Mixture:
        run, settings = self.run, self.run.settings
        first = INITIAL[settings.initial]
        labels = first(run.x, run.observed, settings.initial_clusters, self.generator)
        _, assignments = np.unique(labels, return_inverse=True)
        d = run.x.shape[1]
        return kernel.mixture_of(
            run.rows, assignments, np.ones(d), np.ones(d), settings.concentration
        )

    @property
    def sweeps(self) -> int:
        """How many sweeps the chain has made."""
        return len(self.trace["log_joint"])

    def sweep(self) -> str:
        """Make each move of the schedule once; returns a short note on the state."""
        start = time.perf_counter()
        entry = self._move()
        entry["seconds"] = time.perf_counter() - start
        entry |= _description(self.mixture)
        for name, value in entry.items():
            self.trace.setdefault(name, []).append(value)
        thin = self.run.settings.thin
        if thin is not None and self.sweeps % thin == 0:
            mixture = self.mixture
            self.kept.append(
                (self.sweeps, mixture.assignments, mixture.alpha, mixture.beta,
                 mixture.concentration)
            )  # fmt: skip
        return f"log joint {entry['log_joint']:,.0f}, {entry['clusters']} clusters"

    def _move(self) -> dict[str, float]:
        """Make the moves; returns what they report and how long they take, summed by name."""
        settings, total = self.run.settings, {}
        for move in settings.moves:
            start = time.perf_counter()
            report = MOVES[move](self.mixture, settings, self.generator)
            report = {**report, f"{move}_seconds": time.perf_counter() - start}
            for name, value in report.items():
                total[name] = total.get(name, 0) + value
        return total

    def latent(self) -> Latent:
        """Return the state, and how it came about."""
        mixture = self.mixture
        return Latent(
            assignments=mixture.assignments,
            sizes=mixture.sizes,
            counts=mixture.counts,
            alpha=mixture.alpha,
            beta=mixture.beta,
            concentration=mixture.concentration,
            trace={name: _trace_array(name, values) for name, values in self.trace.items()},
            samples=stack_samples(self.kept, *self.run.x.shape),
            generator=self.generator.state,
            observed=mixture.observed,
            **self.run.identity(self.number),
        )


def _description(mixture: kernel.Mixture) -> dict[str, float]:
    """What the trace has of each state."""
    sizes = mixture.sizes
    return {
        "log_joint": mixture.log_joint(),
        "clusters": len(sizes),
        "concentration": mixture.concentration,
        "largest": int(sizes.max()),
        "entropy": size_entropy(sizes),
    }


def _trace_array(name: str, values: list[float]) -> np.ndarray:
    counts = all(isinstance(value, int) for value in values)
    return np.array(values, TRACE.get(name, np.int64 if counts else np.float64))


def _warn_of_constant_pixels(
    x: np.ndarray, observed: np.ndarray | None, settings: Settings
) -> None:
    """Warn of pixels whose alpha and beta have no posterior."""
    prior = HYPERPRIORS[settings.hyperprior]
    if prior.proper or "pixel_priors" not in settings.moves:
        return
    on = x.sum(axis=0, dtype=np.int64)
    seen = len(x) if observed is None else observed.sum(axis=0)
    constant = np.count_nonzero((on == 0) | (on == seen))
    if constant:
        warnings.warn(
            f"{constant} of {x.shape[1]} pixels are never on or always on; under the improper "
            f"hyperprior {settings.hyperprior!r} the posterior of their alpha and beta is improper "
            f"too: they drift to the bounds {prior.low:g} and {prior.high:g}. "
            "hyperprior='exponential' is proper",
            stacklevel=4,
        )
