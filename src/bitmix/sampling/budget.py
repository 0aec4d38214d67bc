"""How many proposals the move `split_merge` makes in a sweep when `proposals` is "auto".

In its first sweeps a chain learns what proposals cost and what they gain. Then the number stays, as
moves that follow the state for ever would not leave its posterior invariant.

All is decided by counts of work and by the log joint, never by clocks: a chain is the same on every
machine. It can be computed from the trace, so a checkpoint needs nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

#: The number of sweeps in which a chain learns.
LEARNING = 50
#: The number of proposals in the first sweep.
FIRST = 10
#: Proposals take at most this share of a sweep's work,
MOST = 0.5
#: at least this one while the chain learns,
TRIED = 0.1
#: and at least this one later.
LEAST = 0.01
#: What was learned in a sweep counts so much less after each further sweep.
FADE = 0.7

# Units of work: adding up the weights of one cluster for one row. The others take about so many.
_LOGS = 8.0  # computing the weights of a cluster
_MOVE = 4.0 * _LOGS  # moving a row between clusters
_PRIORS = 100.0  # updating alpha and beta, for each cluster


class Budget:
    """The number of proposals in each sweep of a chain.

    With g the change of the log joint by a unit of work, of late, proposals get the share
    sqrt(g(proposals)) / (sqrt(g(proposals)) + sqrt(g(other moves))) of the work, at most half. The
    roots favour the rarer gains, as no other move makes up for proposals.

    Parameters
    ----------
    rows : int
        N
    density : float
        The share of features that are on.
    """

    def __init__(self, rows: int, density: float) -> None:
        self.rows, self.density = rows, density
        self.sweeps = 0
        self.rate = self.credit = float(FIRST)  # proposals a sweep; proposals to make by now
        self.log_joint: float | None = None
        self.proposed = self.costs = self.gain = 0.0  # of proposals, of late
        self.other_costs = self.other_gain = 0.0  # of the other moves

    @property
    def proposals(self) -> int:
        """The number of proposals to make in the next sweep."""
        return int(self.credit)

    def learn(self, entry: Mapping[str, float]) -> None:
        """Take note of a sweep, given the entries of its trace."""
        if self.sweeps < LEARNING:
            self._learn(entry)
        self.sweeps += 1
        self.credit += self.rate - self.proposals

    def _learn(self, entry: Mapping[str, float]) -> None:
        proposed = sum(value for name, value in entry.items() if name.endswith("_proposed"))
        gain = entry["split_merge_gain"]
        change = 0.0 if self.log_joint is None else entry["log_joint"] - self.log_joint - gain
        self.log_joint = entry["log_joint"]
        self.proposed = FADE * self.proposed + proposed
        self.costs = FADE * self.costs + entry["split_merge_work"]
        self.gain = FADE * self.gain + abs(gain)
        self.other_costs = FADE * self.other_costs + self._other_work(entry)
        self.other_gain = FADE * self.other_gain + abs(change)
        if self.proposed > 0.0:
            share = min(max(self._share(), self._least()), MOST)
            ratio = share / (1.0 - share)  # of the work of proposals to that of the other moves
            weight = (1.0 - FADE ** (self.sweeps + 1)) / (1.0 - FADE)
            self.rate = ratio * self.other_costs / weight * self.proposed / self.costs

    def _share(self) -> float:
        """Return the share of the work of a sweep that proposals should have by their gain."""
        gain = math.sqrt(self.gain / self.costs)
        other_gain = math.sqrt(self.other_gain / self.other_costs)
        return gain / (gain + other_gain) if gain > 0.0 else 0.0

    def _least(self) -> float:
        return TRIED if self.sweeps < LEARNING - 1 else LEAST

    def _other_work(self, entry: Mapping[str, float]) -> float:
        """Return about how much work the other moves of a sweep were."""
        clusters = self.density * (entry["clusters"] + 1)
        clusters = min(clusters, clusters / 4.0 + 16.0)  # if most are screened out
        work = self.rows * (clusters + _LOGS) + _MOVE * entry["moved"]
        return work + _PRIORS * entry["clusters"]
