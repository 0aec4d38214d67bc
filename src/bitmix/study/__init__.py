"""Data, chains and choices that the notebooks share."""

from bitmix.study.study import (
    DIGITS,
    SEED,
    choose_queries,
    half_seen,
    label_counts,
    mixed_run,
    open_chains,
    open_dataset,
    random_mask,
    top_half,
)
from bitmix.study.surveys import sample_survey, simulate_survey

__all__ = [
    "DIGITS",
    "SEED",
    "choose_queries",
    "half_seen",
    "label_counts",
    "mixed_run",
    "open_chains",
    "open_dataset",
    "random_mask",
    "sample_survey",
    "simulate_survey",
    "top_half",
]
