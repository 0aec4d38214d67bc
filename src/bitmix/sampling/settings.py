"""The settings of a chain: what there is to choose beside its data and seed, and the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitmix.arguments import check_choice, positive, whole
from bitmix.model import HYPERPRIORS
from bitmix.sampling.initial import INITIAL
from bitmix.sampling.moves import MOVES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a chain is run with, beside its data and seed.

    Parameters
    ----------
    sweeps : int
        How many sweeps; each makes all moves of the schedule once.
    initial : {"random", "single", "seeded"}
        The first partition. "random", the study's, puts each image in a cluster uniformly at
        random. "single" puts all in one. "seeded" takes images drawn at random for centres and
        puts each image with the nearest of them: chains get much further in few sweeps.
    initial_clusters : int
        Clusters of the first partition; those that get no image do not exist. "single" has one,
        whatever this is.
    concentration : float
        Concentration of the Chinese restaurant process, at first; it stays what it is unless the
        schedule has the move `concentration`.
    concentration_prior : (shape, rate)
        The Gamma hyperprior of the concentration, for the move `concentration`; mean shape / rate.
    hyperprior : str
        Hyperprior of alpha_d and beta_d, a key of `bitmix.model.HYPERPRIORS`.
    moves : sequence of str
        The schedule of a sweep, keys of `bitmix.sampling.moves.MOVES`.
    proposals : int
        Proposals that the move `split_merge` makes in a sweep.
    thin : int, optional
        Keep the state after every `thin`-th sweep, in `Latent.samples`. None keeps the last alone.

    Raises
    ------
    ValueError
        If a value is not allowed; the message names it and what is.
    """

    sweeps: int = 5
    initial: str = "random"
    initial_clusters: int = 100
    concentration: float = 1.0
    concentration_prior: tuple[float, float] = (1.0, 0.1)
    hyperprior: str = "exponential"
    moves: tuple[str, ...] = ("assign", "pixel_priors")
    proposals: int = 100
    thin: int | None = None

    def __post_init__(self) -> None:
        for name in ("sweeps", "initial_clusters", "proposals"):
            self._set(name, whole(name, getattr(self, name)))
        if self.thin is not None:
            self._set("thin", whole("thin", self.thin))
        self._set("concentration", positive("concentration", self.concentration))
        self._set("concentration_prior", _gamma(self.concentration_prior))
        check_choice("initial", self.initial, INITIAL)
        check_choice("hyperprior", self.hyperprior, HYPERPRIORS)
        self._set("moves", _schedule(self.moves))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _gamma(prior: Sequence[float]) -> tuple[float, float]:
    try:
        shape, rate = prior
    except (TypeError, ValueError):
        raise ValueError(f"concentration_prior must be (shape, rate), not {prior!r}") from None
    return (
        positive("the shape of concentration_prior", shape),
        positive("the rate of concentration_prior", rate),
    )


def _schedule(moves: str | Sequence[str]) -> tuple[str, ...]:
    moves = (moves,) if isinstance(moves, str) else tuple(moves)
    for move in moves:
        check_choice("moves", move, MOVES)
    if "assign" not in moves:
        raise ValueError("moves must include 'assign': no other move reaches every partition")
    return moves
