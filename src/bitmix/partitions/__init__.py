"""Many partitions of the same rows: how they differ, and where they agree.

S partitions of N rows are an array of shape (S, N): the cluster of each row in each partition. Only
which rows are together counts; the numbers of the clusters have no meaning. `of_chains` makes such
an array from chains. No result depends on the numbers of the clusters or the order of partitions.
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
