"""The density of rows, by averages of many short chains; the tables of the field.

`Trees` lets a feature depend on others within a cluster. `estimate` chooses how much on a
validation split, averages chains, and scores a test split.
"""

from bitmix.density.estimate import Settings, Split, estimate
from bitmix.density.published import PUBLISHED
from bitmix.density.report import results_table, verdict, write_density
from bitmix.density.trees import Trees, grow_trees

__all__ = [
    "PUBLISHED",
    "Settings",
    "Split",
    "Trees",
    "estimate",
    "grow_trees",
    "results_table",
    "verdict",
    "write_density",
]
