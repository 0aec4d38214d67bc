"""The moves of the sampler: one file each, one interface.

A move changes the state of a chain in place, leaves its posterior invariant, and draws only from
the generator of the chain. A sweep calls the moves in the order of the schedule. Each returns its
report for the trace, a dict of integers or floats with the same names each time. Reports of the
same name are added up over a sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bitmix.kernel import Mixture

from .assign import assign
from .concentration import concentration
from .feature_priors import feature_priors
from .split_merge import split_merge

if TYPE_CHECKING:
    from ..settings import Settings

Move = Callable[[Mixture, "Settings", np.random.BitGenerator], dict[str, float]]

#: Moves by their name in a schedule.
MOVES: dict[str, Move] = {
    "assign": assign,
    "split_merge": split_merge,
    "concentration": concentration,
    "pixel_priors": feature_priors,
}
#: Other names of moves: features are pixels only where rows are images.
ALIASES = {"feature_priors": "pixel_priors"}
