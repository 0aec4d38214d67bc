"""Have the chains mixed?"""

from bitmix.diagnostics.diagnostics import (
    LEAST_ESS,
    MOST_R_HAT,
    QUANTITIES,
    Diagnosis,
    autocorrelation,
    choose_pairs,
    diagnose,
    moves_table,
    statistics,
    table,
    write_diagnosis,
)

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
