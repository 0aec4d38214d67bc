"""Whether chains have mixed: several chains of one run, compared through ArviZ.

Chains that have forgotten their starts agree, but they number their clusters differently. So the
comparison uses only what does not depend on these numbers: the quantities of the trace and, for
kept states, whether pairs of rows share a cluster.

The criteria are those of Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021),
"Rank-normalization, folding, and localization: an improved R-hat for assessing convergence of
MCMC".
"""

from bitmix.diagnostics.diagnosis import Diagnosis, diagnose
from bitmix.diagnostics.pairs import choose_pairs
from bitmix.diagnostics.report import moves_table, table, write_diagnosis
from bitmix.diagnostics.statistics import autocorrelation, statistics
from bitmix.diagnostics.tree import QUANTITIES
from bitmix.diagnostics.verdict import LEAST_ESS, MOST_R_HAT

__all__ = [
    "LEAST_ESS",
    "MOST_R_HAT",
    "QUANTITIES",
    "Diagnosis",
    "autocorrelation",
    "choose_pairs",
    "diagnose",
    "moves_table",
    "statistics",
    "table",
    "write_diagnosis",
]
