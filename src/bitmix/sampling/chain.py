"""One chain: its start, its sweeps, its trace and its kept states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bitmix import kernel
from bitmix.chains import TRACE, Latent, size_entropy, stack_samples
from bitmix.sampling.annealing import Annealing
from bitmix.sampling.budget import Budget
from bitmix.sampling.initial import INITIAL
from bitmix.sampling.moves import ALIASES, MOVES
from bitmix.streams import stream

if TYPE_CHECKING:
    from bitmix.sampling.run import Run


class Chain:
    """A chain while it is sampled.

    Parameters
    ----------
    run : Run
    number : int
        The number of the chain.
    latent : Latent, optional
        The state to continue from. Without it, the chain starts anew.
    """

    def __init__(self, run: Run, number: int, latent: Latent | None = None) -> None:
        self.run, self.number = run, number
        self.generator = stream(run.seed, number)
        if latent is None:
            self.mixture = self._first()
            self.trace: dict[str, list[float]] = {name: [] for name in TRACE}
            self.samples = []
        else:
            self.generator.state = latent.generator
            self.mixture = self._mixture(
                latent.assignments, latent.alpha, latent.beta, latent.concentration
            )
            self.trace = {name: values.tolist() for name, values in latent.trace.items()}
            self.samples = list(zip(*latent.samples.values(), strict=True))
        self.annealing, self.budget = self._annealing(), self._budget()
        for values in zip(*self.trace.values(), strict=True):
            self._learn(dict(zip(self.trace, values, strict=True)))

    def _first(self) -> kernel.Mixture:
        run, settings = self.run, self.run.settings
        first = INITIAL[settings.initial]
        labels = first(run.x, run.observed, settings.initial_clusters, self.generator)
        _, assignments = np.unique(labels, return_inverse=True)
        d = run.x.shape[1]
        return self._mixture(assignments, np.ones(d), np.ones(d), settings.concentration)

    def _mixture(self, *state: np.ndarray | float) -> kernel.Mixture:
        return kernel.mixture_of(self.run.rows, *state, self.run.settings.partition_prior)

    def _annealing(self) -> Annealing:
        settings, mixture = self.run.settings, self.mixture
        observed = mixture.sizes[:, None] if mixture.observed is None else mixture.observed
        shares = mixture.counts.sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
        clusters = settings.first_clusters(self.run.rows.shape[0])
        return Annealing(settings.annealing, shares, clusters)

    def _budget(self) -> Budget | None:
        """Return the number of proposals in each sweep, if the chain learns it."""
        settings, (rows, features) = self.run.settings, self.run.rows.shape
        if settings.proposals != "auto" or "split_merge" not in settings.moves:
            return None
        return Budget(rows, self.mixture.counts.sum() / (rows * features))

    def _learn(self, entry: Mapping[str, float]) -> None:
        """Take note of a sweep, given the entries of its trace."""
        self.annealing.learn(entry)
        if self.budget:
            self.budget.learn(entry)

    @property
    def sweeps(self) -> int:
        """The number of sweeps that the chain has made."""
        return len(self.trace["log_joint"])

    def sweep(self) -> str:
        """Make each move of the schedule once; return a short note on the state."""
        start = time.perf_counter()
        temperature = self.annealing.temperature
        entry = self._move(temperature)
        entry["seconds"] = time.perf_counter() - start
        entry |= _description(self.mixture)
        for name, value in entry.items():
            self.trace.setdefault(name, []).append(value)
        self._learn(entry)
        if self.run.settings.keeps(self.sweeps):
            mixture = self.mixture
            self.samples.append(
                (self.sweeps, mixture.assignments, mixture.alpha, mixture.beta,
                 mixture.concentration)
            )  # fmt: skip
        hot = f", temperature {temperature:.2f}" if temperature > 1.0 else ""
        return f"log joint {entry['log_joint']:,.0f}, {entry['clusters']} clusters{hot}"

    def _move(self, temperature: float) -> dict[str, float]:
        """Make the moves; return their reports and seconds, summed by name."""
        settings = self.run.settings
        total: dict[str, float] = {}
        learned: dict[str, dict[str, float]] = {"assign": {"temperature": temperature}}
        if self.budget:
            learned["split_merge"] = {"proposals": self.budget.proposals}
        for move in settings.moves:
            start = time.perf_counter()
            make = MOVES[ALIASES.get(move, move)]
            report = make(self.mixture, settings, self.generator, **learned.get(move, {}))
            report = {**report, f"{move}_seconds": time.perf_counter() - start}
            for name, value in report.items():
                total[name] = total.get(name, 0) + value
        return total

    def latent(self) -> Latent:
        """Return the state of the chain and its origin."""
        mixture = self.mixture
        return Latent(
            assignments=mixture.assignments,
            sizes=mixture.sizes,
            counts=mixture.counts,
            alpha=mixture.alpha,
            beta=mixture.beta,
            concentration=mixture.concentration,
            trace={name: _trace_array(name, values) for name, values in self.trace.items()},
            samples=stack_samples(self.samples, *self.run.x.shape),
            generator=self.generator.state,
            observed=mixture.observed,
            **self.run.identity(self.number),
        )


def _description(mixture: kernel.Mixture) -> dict[str, float]:
    """Return the items of the trace that describe a state."""
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
