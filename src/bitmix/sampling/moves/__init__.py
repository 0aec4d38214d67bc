"""The moves of the sampler: one file each, one interface.

A move changes the state of a chain in place, leaves its posterior invariant, and draws only from
the generator of the chain. A sweep calls the moves in the order of the schedule. Each returns its
report for the trace, a dict of integers or floats with the same names each time. Reports of the
same name are added up over a sweep. A chain may give a move more arguments: it gives
`split_merge` the number of its proposals, and `assign` a temperature.
"""

from __future__ import annotations

from collections.abc import Callable

from .assign import assign
from .concentration import concentration
from .feature_priors import feature_priors
from .split_merge import split_merge

Move = Callable[..., dict[str, float]]  # of a Mixture, Settings and a np.random.BitGenerator

#: Moves by their name in a schedule.
MOVES: dict[str, Move] = {
    "assign": assign,
    "split_merge": split_merge,
    "concentration": concentration,
    "pixel_priors": feature_priors,
}
#: Other names of moves: features are pixels only where rows are images.
ALIASES = {"feature_priors": "pixel_priors"}
