"""What the notebooks share."""

from bitmix.study.study import (
    DIGITS,
    SEED,
    PathLike,
    choose_queries,
    cluster_means,
    company,
    describe,
    first,
    frequencies,
    half_seen,
    label_counts,
    open_chains,
    open_dataset,
    top_half,
)

__all__ = [
    "DIGITS",
    "SEED",
    "PathLike",
    "choose_queries",
    "cluster_means",
    "company",
    "describe",
    "first",
    "frequencies",
    "half_seen",
    "label_counts",
    "open_chains",
    "open_dataset",
    "top_half",
]
