"""Data, chains and choices that the notebooks share."""

from bitmix.study.study import (
    DIGITS,
    SEED,
    choose_queries,
    half_seen,
    kept_states,
    label_counts,
    mixed_run,
    open_chains,
    open_dataset,
    open_mixed_run,
    open_run,
    random_mask,
    sampling_time,
    top_half,
)
from bitmix.study.surveys import sample_survey, simulate_survey

__all__ = [
    "DIGITS",
    "SEED",
    "choose_queries",
    "half_seen",
    "kept_states",
    "label_counts",
    "mixed_run",
    "open_chains",
    "open_dataset",
    "open_mixed_run",
    "open_run",
    "random_mask",
    "sample_survey",
    "sampling_time",
    "simulate_survey",
    "top_half",
]
