"""How the clusters of one chain form: its states from the start on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitmix.chains import Latent
from bitmix.code import chain_sha256
from bitmix.data import Dataset
from bitmix.explorer.packing import pack
from bitmix.sampling import Settings
from bitmix.sampling.chain import Chain
from bitmix.sampling.run import Run

# Limits of cost and size. The study reaches none of them.
REPLAYED = 10  # sweeps that are sampled again
REPLAY_CELLS = 150_000_000  # rows x features x sweeps that are sampled again
KEPT = 10  # states among those that the chain kept
TILES = 150  # clusters shown of a state
TILE_CELLS = 4_000_000  # clusters x features x states


@dataclass(frozen=True)
class Step:
    """A state of the chain: its assignments, (N,), its sizes, (K,), and its means, (K, D)."""

    sweep: int
    log_joint: float
    assignments: np.ndarray
    sizes: np.ndarray
    means: np.ndarray


def steps(dataset: Dataset, latent: Latent) -> dict[str, Any]:
    """Return states of a chain, as builtins: its first sweeps, some kept states, its last state.

    The first sweeps are sampled again from the chain's seed, which is exact and takes a moment. If
    the chain comes from other code, which may sample another chain, they are left out.

    A cluster has the same place in all states. `places` has the place of each cluster shown.
    """
    states = [*_first_sweeps(dataset, latent), *_later(dataset, latent)]
    places = _places(states)
    tiles = max(1, min(TILES, TILE_CELLS // (len(states) * dataset.x.shape[1])))
    return {
        "chain": latent.chain,
        "states": [_packed(*pair, tiles) for pair in zip(states, places, strict=True)],
    }


def _first_sweeps(dataset: Dataset, latent: Latent) -> Iterator[Step]:
    """Sample the first sweeps of a chain again, but for its last sweep; yield all states."""
    if latent.code_sha256 != chain_sha256():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the chain's own run has warned
        settings = Settings(**latent.config)
        run = Run(dataset.x, dataset.observed, latent.seed, settings, None, 1.0)
    chain = Chain(run, latent.chain)
    yield _step(0, chain.mixture, chain.mixture.log_joint())
    most = min(REPLAYED, REPLAY_CELLS // dataset.x.size, latent.sweeps - 1)
    for sweep in range(1, most + 1):
        chain.sweep()
        yield _step(sweep, chain.mixture, chain.trace["log_joint"][-1])


def _later(dataset: Dataset, latent: Latent) -> Iterator[Step]:
    """Yield some of the states that the chain kept after those sweeps, and its last state."""
    sweep = latent.samples["sweep"]
    late = np.flatnonzero((sweep > REPLAYED) & (sweep < latent.sweeps))
    some = late[np.unique(np.linspace(0, len(late) - 1, min(KEPT, len(late)), dtype=int))]
    samples = {name: values[some] for name, values in latent.samples.items()}
    if len(some):
        kept = replace(latent, samples=samples).states(dataset.x, dataset.observed, warmup=0)
        for state in kept:
            yield _step(state.sweeps, state, state.log_joint())
    yield _step(latent.sweeps, latent, latent.log_joint())


def _step(sweep: int, state: Any, log_joint: float) -> Step:
    """Return a step of a latent, or of a mixture while it is sampled."""
    seen = state.sizes[:, None] if state.observed is None else state.observed
    means = (state.alpha + state.counts) / (state.alpha + state.beta + seen)
    return Step(sweep, float(log_joint), state.assignments.copy(), state.sizes.copy(), means)


def _places(states: Sequence[Step]) -> list[np.ndarray]:
    """Return a place for each cluster of each state, so that a cluster keeps its place.

    The clusters of the last state have places by size. A cluster of an earlier state takes the
    place of its partner in the next state, see `_partners`. Those without a partner get the places
    after all of these, largest first.
    """
    places = [_ranks(states[-1].sizes)]
    for state, following in zip(states[-2::-1], states[:0:-1], strict=True):
        partners = _partners(_overlaps(state.assignments, following.assignments))
        place = places[0][partners]
        alone = np.flatnonzero(partners < 0)
        place[alone] = places[0].max() + 1 + _ranks(state.sizes[alone])
        places.insert(0, place)
    return places


def _ranks(sizes: np.ndarray) -> np.ndarray:
    """Return the rank of each size, from 0 for the largest."""
    return np.argsort(-sizes, kind="stable").argsort()


def _partners(shared: np.ndarray) -> np.ndarray:
    """Pair clusters, those first that share most rows; return each one's partner, -1 if none.

    Parameters
    ----------
    shared : ndarray of int, shape (K, L)
        The number of rows that each pair of clusters shares.
    """
    pairs = np.argwhere(shared)
    pairs = pairs[np.argsort(-shared[tuple(pairs.T)], kind="stable")]
    partners, taken = np.full(len(shared), -1), set()
    for own, other in pairs.tolist():
        if partners[own] < 0 and other not in taken:
            partners[own] = other
            taken.add(other)
    return partners


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how many rows each pair of clusters shares."""
    shape = first.max() + 1, second.max() + 1
    cells = np.ravel_multi_index((first, second), shape)
    return np.bincount(cells, minlength=np.prod(shape)).reshape(shape)


def _packed(state: Step, places: np.ndarray, tiles: int) -> dict[str, Any]:
    shown = np.flatnonzero(places < tiles)
    return {
        "sweep": state.sweep,
        "logJoint": state.log_joint,
        "clusters": len(state.sizes),
        "largest": int(state.sizes.max()),
        "numbers": pack(shown),
        "places": pack(places[shown]),
        "sizes": pack(state.sizes[shown]),
        # in steps of 1/255: enough for a picture
        "means": pack(np.rint(255 * state.means[shown]).astype(np.uint8)),
    }
