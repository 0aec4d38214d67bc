"""The moves of the sampler: one file each, one interface.

A move changes a chain's state in place, leaves its posterior invariant, and consumes random numbers
of the chain's generator only. It is called once a sweep, in the order of the schedule, and returns
what it has to report for the trace (an empty dict where there is nothing).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._gibbs import Mixture
from ..model import Hyperprior
from .assign import assign
from .pixel_priors import pixel_priors

Move = Callable[[Mixture, Hyperprior, np.random.BitGenerator], dict[str, float]]

#: Moves by the name that a schedule calls them.
MOVES: dict[str, Move] = {"assign": assign, "pixel_priors": pixel_priors}
