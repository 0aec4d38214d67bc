"""What rows and items are called in tables, figures and texts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bitmix.data import Dataset

# Answers that need not be named: they are what 1 means anyway.
_PLAIN = {"1", "true", "t", "yes", "y", "on", "present"}


def item_names(dataset: Dataset) -> list[str]:
    """Return the names of the features, or "item 1", "item 2", ... if they have none."""
    return list(dataset.feature_names or numbered(dataset.x.shape[1]))


def numbered(features: int) -> list[str]:
    """Return "item 1", "item 2", ..."""
    return [f"item {number + 1}" for number in range(features)]


def item_labels(dataset: Dataset) -> list[str]:
    """Return the names of the features, with the answer that 1 stands for where it is not "yes"."""
    names = item_names(dataset)
    if dataset.levels is None:
        return names
    answers = [one for _, one in dataset.levels]
    return [
        name if answer.strip().casefold() in _PLAIN else f"{name}: {answer}"
        for name, answer in zip(names, answers, strict=True)
    ]


def row_index(dataset: Dataset) -> pd.Index:
    """Return the ids of the rows under their own name, or their numbers in the source, from 1."""
    if dataset.row_ids is not None:
        return pd.Index(dataset.row_ids, name=dataset.id_name or "id")
    places = dataset.source_rows
    return pd.Index((np.arange(len(dataset.x)) if places is None else places) + 1, name="row")
