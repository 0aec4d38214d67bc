"""Many partitions of the same rows: how they differ, and what they agree on."""

from bitmix.partitions.partitions import (
    Ball,
    Consensus,
    agreement,
    block_rows,
    coclustering,
    coclustering_above,
    consensus,
    extremes,
    of_chains,
    pairwise,
    variation_of_information,
    write_consensus,
)

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
