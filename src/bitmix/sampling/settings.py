"""The settings of a chain: everything that you can choose besides its data and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitmix.arguments import check_choice, check_integer, check_positive
from bitmix.model import HYPERPRIORS, PARTITION_PRIORS
from bitmix.sampling.initial import INITIAL
from bitmix.sampling.moves import ALIASES, MOVES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a chain, besides its data and seed. These defaults hold everywhere.

    Parameters
    ----------
    sweeps : int
        The number of sweeps. Each makes all moves of the schedule once.
    initial : {"random", "single", "seeded"}
        The first partition. "random", as in the 2015 study, puts each row in a cluster uniformly at
        random. "single" puts all rows in one cluster. "seeded" draws rows at random as centres and
        puts each row with the nearest centre: chains need fewer sweeps.
    initial_clusters : int
        The number of clusters of the first partition, at most the number of rows. There may be
        fewer, because a cluster needs a row. "single" ignores it.
    annealing : int
        The number of first sweeps that are annealed, below `sweeps`. In these sweeps rows change
        cluster more often than the posterior says, less so from sweep to sweep. Chains then reach
        partitions with a higher log joint, see `bitmix.sampling.annealing`. Annealed sweeps belong
        to the warmup, and their states are not kept.
    concentration : float
        The concentration of the Chinese restaurant process. With the move `concentration` it is
        the first value. Without that move it does not change.
    concentration_prior : (shape, rate)
        The Gamma hyperprior of the concentration, for the move `concentration`. Its mean is
        shape / rate.
    partition_prior : {"dp", "mfm"}
        The prior of the assignments: a Dirichlet process, or a mixture of finite mixtures. The
        latter estimates the number of clusters. See `bitmix.model.PARTITION_PRIORS`.
    hyperprior : {"exponential", "bda"}
        The hyperprior of alpha and beta, see `bitmix.model.HYPERPRIORS`.
    moves : sequence of str
        The schedule of a sweep: any of "assign", "split_merge", "concentration" and "pixel_priors",
        in any order. "assign" must be there. "feature_priors" is another name of "pixel_priors".
    proposals : int or "auto"
        The number of proposals that the move `split_merge` makes in a sweep. "auto" learns it in
        the first sweeps, from what proposals gain and how much work they are, see
        `bitmix.sampling.budget`. They get at most half of the work.
    thin : int, optional
        Keep the state after every `thin`-th sweep, in `Latent.samples`. None keeps the last state
        only.

    Raises
    ------
    ValueError
        If a value is not allowed. The message names it and what is allowed.
    """

    sweeps: int = 5
    initial: str = "random"
    initial_clusters: int = 100
    annealing: int = 0
    concentration: float = 1.0
    concentration_prior: tuple[float, float] = (1.0, 0.1)
    partition_prior: str = "dp"
    hyperprior: str = "exponential"
    moves: Sequence[str] = ("assign", "pixel_priors")
    proposals: int | str = "auto"
    thin: int | None = None

    def __post_init__(self) -> None:
        for name in ("sweeps", "initial_clusters"):
            self._set(name, check_integer(name, getattr(self, name)))
        self._set("annealing", check_integer("annealing", self.annealing, least=0))
        if self.annealing >= self.sweeps:
            raise ValueError(
                f"annealing is {self.annealing}, but there are only {self.sweeps} sweeps: anneal "
                "fewer, or take more sweeps"
            )
        self._set("proposals", _number_or_auto(self.proposals))
        if self.thin is not None:
            self._set("thin", check_integer("thin", self.thin))
            self._check_thin(self.thin)
        self._set("concentration", check_positive("concentration", self.concentration))
        self._set("concentration_prior", _gamma(self.concentration_prior))
        check_choice("initial", self.initial, INITIAL)
        check_choice("partition_prior", self.partition_prior, PARTITION_PRIORS)
        check_choice("hyperprior", self.hyperprior, HYPERPRIORS)
        self._set("moves", _schedule(self.moves))
        if self.partition_prior == "mfm" and "concentration" in self.moves:
            raise ValueError(
                "moves has 'concentration', which partition_prior 'mfm' keeps fixed: leave it out"
            )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_thin(self, thin: int) -> None:
        if self.sweeps // thin * thin <= self.annealing:
            after = " after the annealing" if self.annealing else ""
            raise ValueError(
                f"thin is {thin}, above the {self.sweeps - self.annealing} sweeps{after}: no state "
                "would be kept; lower it, or take more sweeps"
            )

    def keeps(self, sweep: int) -> bool:
        """Return whether the state after this sweep is kept; sweeps count from 1."""
        return self.thin is not None and sweep > self.annealing and sweep % self.thin == 0

    def first_clusters(self, rows: int) -> int:
        """Return how many clusters the first partition of so many rows has at most."""
        return 1 if self.initial == "single" else min(self.initial_clusters, rows)

    def check_rows(self, rows: int) -> None:
        """Raise ValueError if the settings do not fit this number of rows.

        The default number of first clusters fits any number of rows.
        """
        most = max(rows, Settings.initial_clusters)
        if self.initial != "single" and self.initial_clusters > most:
            raise ValueError(
                f"initial_clusters is {self.initial_clusters:,}, but there are only {rows:,} rows: "
                "set it to at most that"
            )


def _number_or_auto(proposals: int | str) -> int | str:
    if isinstance(proposals, str) and proposals != "auto":
        raise ValueError(f"proposals must be a whole number or 'auto', not {proposals!r}")
    return proposals if proposals == "auto" else check_integer("proposals", proposals)


def _gamma(prior: Sequence[float]) -> tuple[float, float]:
    try:
        shape, rate = prior
    except (TypeError, ValueError):
        raise ValueError(f"concentration_prior must be (shape, rate), not {prior!r}") from None
    return (
        check_positive("the shape of concentration_prior", shape),
        check_positive("the rate of concentration_prior", rate),
    )


def _schedule(moves: str | Sequence[str]) -> tuple[str, ...]:
    moves = (moves,) if isinstance(moves, str) else tuple(moves)
    for move in moves:
        check_choice("moves", move, (*MOVES, *ALIASES))
    if "assign" not in moves:
        raise ValueError("moves must include 'assign': no other move reaches every partition")
    return moves
