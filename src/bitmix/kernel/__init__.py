"""The compiled part: random draws, packed rows, mixtures, and the moves that change them.

A mixture is the state of a chain. It is made from packed rows and does not know how it is sampled:
`sweep`, `split_merge`, `update_priors` and `update_concentration` change it.
"""

from bitmix.kernel.draws import integers, permutation
from bitmix.kernel.finite import components, log_new_cluster, log_v
from bitmix.kernel.joint import log_joint
from bitmix.kernel.masked import MaskedMixture, mixture_of
from bitmix.kernel.mixture import Mixture
from bitmix.kernel.priors import update_concentration, update_priors
from bitmix.kernel.rows import Rows
from bitmix.kernel.simd import simd_name, use_simd, vecmath
from bitmix.kernel.split_merge import LAUNCH, split_merge
from bitmix.kernel.sweep import PROBE, sweep

__all__ = [
    "LAUNCH",
    "PROBE",
    "MaskedMixture",
    "Mixture",
    "Rows",
    "components",
    "integers",
    "log_joint",
    "log_new_cluster",
    "log_v",
    "mixture_of",
    "permutation",
    "simd_name",
    "split_merge",
    "sweep",
    "update_concentration",
    "update_priors",
    "use_simd",
    "vecmath",
]
