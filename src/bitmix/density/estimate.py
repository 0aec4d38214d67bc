"""Averages of many short chains, with features that depend on each other as far as it helps."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.chains import Latent
from bitmix.data import data_sha256
from bitmix.density.trees import Trees, grow_trees
from bitmix.predict import log_predictive
from bitmix.sampling import sample_chain
from bitmix.streams import stream

#: The moves of a sweep.
MOVES = ("assign", "concentration", "pixel_priors")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of an estimate: one rule for all data sets.

    Parameters
    ----------
    seed : int
        The seed of the chains and of the orders of the features.
    chains : int
        The number of chains to average.
    trial_chains : int
        The number of chains by which the validation split chooses `leaves`.
    leaves : sequence of int
        The largest numbers of leaves of a decision tree to choose from, ascending.
    reassignments : int
        A chain makes so many sweeps that it reassigns about as many rows.
    states : int
        The number of states of each chain to average, at equal distances, the last one included.
    initial_clusters : int
        The number of rows that each chain starts from, as centres.
    """

    seed: int
    chains: int
    trial_chains: int
    leaves: Sequence[int]
    reassignments: int
    states: int
    initial_clusters: int

    def thin(self, rows: int) -> int:
        """Return the number of sweeps from one state to the next."""
        return max(1, round(self.reassignments / (rows * self.states)))


@dataclass(frozen=True, eq=False)
class Split:
    """The rows to learn from, to choose by and to judge by, each (N, D) uint8."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def estimate(
    split: Split, settings: Settings, log: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Return the scores of two averages of chains: of independent features, and of trees.

    Chains learn from the training rows only. The validation rows choose the number of leaves of the
    trees, after a few chains of each, and the better of the two averages. Nothing is chosen by the
    test rows.

    Parameters
    ----------
    split : Split
    settings : Settings
    log : function
        Called with a line after each chain.

    Returns
    -------
    result : dict of builtins
        `data`, `trials`, `averages` by name ("independent", "trees"), and the name of the
        `best` on the validation split. Each average has its mean log densities in nats, its CPU
        seconds, those of the trials included, the sha256 of its chains and a `curve` of the same
        by chains.
    """
    trials = _trials(split, settings, log)
    trees = max(trials, key=lambda average: average.curve[-1]["valid"])
    others = sum(average.curve[-1]["seconds"] for average in trials if average is not trees)
    tried = [{"leaves": average.leaves, **average.curve[-1]} for average in trials]
    independent = Average(split, settings, 1)
    for average in (independent, trees):
        average.extend(settings.chains, log)
    results = {"independent": independent.result(), "trees": trees.result(others)}
    return {
        "data": {
            name: {"sha256": data_sha256(rows), "shape": list(rows.shape)}
            for name, rows in vars(split).items()
        },
        "trials": tried,
        "averages": results,
        "best": max(results, key=lambda name: results[name]["valid"]),
    }


def _trials(split: Split, settings: Settings, log: Callable[[str], None]) -> list[Average]:
    """Return short averages with more and more leaves, until the validation score falls."""
    trials: list[Average] = []
    for leaves in settings.leaves:
        trials.append(Average(split, settings, leaves))
        trials[-1].extend(settings.trial_chains, log)
        if len(trials) > 1 and trials[-1].curve[-1]["valid"] < trials[-2].curve[-1]["valid"]:
            break
    return trials


class Average:
    """The mean density of chains whose trees have at most so many leaves.

    Parameters
    ----------
    split : Split
    settings : Settings
    leaves : int
        One leaf makes features independent within a cluster.
    """

    def __init__(self, split: Split, settings: Settings, leaves: int) -> None:
        self.split, self.settings, self.leaves = split, settings, leaves
        # the log of the sum of the densities of all chains, for each row
        self.sums = {
            name: np.full(len(getattr(split, name)), -np.inf) for name in ("valid", "test")
        }
        self.curve: list[dict[str, float]] = []
        self.digest = hashlib.sha256()
        self.states = self.features = 0
        self.sampling = self.scoring = 0.0

    def extend(self, chains: int, log: Callable[[str], None]) -> None:
        """Add chains until there are so many."""
        for chain in range(len(self.curve), chains):
            self._add(chain)
            point = self.curve[-1]
            log(
                f"{self.leaves} leaves, chain {chain}: validation {point['valid']:.3f} nats, "
                f"{point['seconds']:.1f} s"
            )

    def _add(self, chain: int) -> None:
        """Add the density of one more chain."""
        start = time.process_time()
        trees, latent, states = self._sample(chain)
        sampled = time.process_time()
        for name, sums in self.sums.items():
            rows = trees.expand(getattr(self.split, name))
            np.logaddexp(sums, log_predictive(states, *rows), out=sums)
        self.sampling += sampled - start
        self.scoring += time.process_time() - sampled
        self.states += len(states)
        self.features += len(trees.paths)
        for item, kind in (
            (latent.assignments, "<i4"),
            (latent.alpha, "<f8"),
            (latent.beta, "<f8"),
        ):
            self.digest.update(np.ascontiguousarray(item, kind))
        self.curve.append(
            {"chains": chain + 1, "seconds": round(self.sampling + self.scoring, 3)}
            | {
                name: round(float(sums.mean() - np.log(chain + 1)), 6)
                for name, sums in self.sums.items()
            }
        )

    def _sample(self, chain: int) -> tuple[Trees, Latent, list[Latent]]:
        """Return the trees, the last state and the kept states of a chain."""
        settings, train = self.settings, self.split.train
        order = kernel.permutation(stream(settings.seed, "trees", chain), train.shape[1])
        trees = grow_trees(train, order, self.leaves)
        x, observed = trees.expand(train)
        thin = settings.thin(len(x))
        latent = sample_chain(
            x,
            chain,
            observed=observed,
            seed=settings.seed,
            sweeps=thin * settings.states,
            thin=thin,
            initial="seeded",
            initial_clusters=min(settings.initial_clusters, len(x)),
            moves=MOVES,
            progress=False,
        )
        return trees, latent, latent.states(x, observed, warmup=0)

    def result(self, before: float = 0.0) -> dict[str, Any]:
        """Return the average as builtins. It took `before` CPU seconds more to choose it."""
        chains = len(self.curve)
        return {
            "leaves": self.leaves,
            "states": self.states,
            "features": round(self.features / chains, 1),
            **self.curve[-1],
            "seconds": round(self.sampling + self.scoring + before, 1),
            "scoring_seconds": round(self.scoring, 1),
            "chains_sha256": self.digest.hexdigest(),
            "curve": [
                {**point, "seconds": round(point["seconds"] + before, 3)} for point in self.curve
            ],
        }
