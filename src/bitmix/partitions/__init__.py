"""Many partitions of the same rows: how they differ, and what they agree on.

Partitions come as an array of shape (S, N): the cluster of each of N rows in each of S partitions.
The numbers of the clusters have no meaning, only which rows are together. `of_chains` makes such an
array from chains. All results are the same whatever the clusters are called and however the
partitions are ordered.
"""

from bitmix.partitions.comparison import (
    agreement,
    of_chains,
    pairwise,
    variation_of_information,
)
from bitmix.partitions.consensus import Ball, Consensus, consensus
from bitmix.partitions.report import block_rows, extremes, write_consensus
from bitmix.partitions.together import coclustering, coclustering_above

__all__ = [
    "Ball",
    "Consensus",
    "agreement",
    "block_rows",
    "coclustering",
    "coclustering_above",
    "consensus",
    "extremes",
    "of_chains",
    "pairwise",
    "variation_of_information",
    "write_consensus",
]
