"""Selections from a consensus, and its files."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bitmix.data import Dataset
from bitmix.io import atomic_write, finite, write_sealed_json
from bitmix.partitions.consensus import Consensus


def block_rows(found: Consensus, clusters: int = 12, most: int = 30) -> np.ndarray:
    """Choose some rows of the largest clusters, to show their co-clustering as blocks.

    Parameters
    ----------
    found : Consensus
    clusters : int
        The number of clusters.
    most : int
        The number of rows of each cluster, the first ones.

    Returns
    -------
    rows : ndarray of int, shape (at most clusters * most,)
        Rows of a cluster follow each other, the most certain first.
    """
    members = [np.flatnonzero(found.assignments == cluster)[:most] for cluster in range(clusters)]
    return np.concatenate([rows[_by_certainty(found, rows)] for rows in members])


def extremes(found: Consensus, most: int = 12, smallest: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Choose the rows with the most and the least certain clusters.

    Parameters
    ----------
    found : Consensus
    most : int
        The largest number of rows of each kind.
    smallest : int
        All rows come from clusters of at least this size, or of the largest size if none has it.
        Nearly all rows of small clusters are as uncertain as possible.

    Returns
    -------
    certain, uncertain : ndarrays of int
        Indices of rows, the same number of each kind. `certain` has at most one row of each
        cluster, the most certain first. `uncertain` has the least certain first.
    """
    rows = _by_certainty(found, np.arange(len(found.assignments)))
    clusters = found.assignments[rows]
    large = rows[found.sizes[clusters] >= min(smallest, found.sizes[0])]
    first = np.unique(found.assignments[large], return_index=True)[1]
    certain = large[np.sort(first)[:most]]
    return certain, large[::-1][: len(certain)]


def _by_certainty(found: Consensus, rows: np.ndarray) -> np.ndarray:
    return np.argsort(found.uncertainty[rows], kind="stable")


def write_consensus(
    path: str | os.PathLike[str],
    found: Consensus,
    agreements: Mapping[str, np.ndarray],
    dataset: Dataset | None = None,
) -> None:
    """Write a consensus as JSON, and the cluster and uncertainty of each row as CSV beside it.

    Parameters
    ----------
    path : path-like
        The JSON file. The CSV file has the suffix .csv. If it is "", nothing is written.
    found : Consensus
    agreements : mapping of str to ndarray
        Results of `agreement` by name. nan becomes null.
    dataset : Dataset, optional
        The rows. If they have ids, these name them in the CSV file, in the order of the source.
    """
    if not path:
        return
    content = {
        "partitions": len(found.distances),
        "clusters": len(found.sizes),
        "sizes": found.sizes.tolist(),
        "expected_vi": found.expected_vi,
        "ball": asdict(found.ball),
        "agreement": {name: finite(means.tolist()) for name, means in agreements.items()},
    }
    write_sealed_json(path, content)
    names: Iterable[object] = range(len(found.assignments))
    head, order = "row", slice(None)
    if dataset is not None and dataset.row_ids is not None:
        head, order = dataset.id_name or "id", dataset.in_source_order()
        names = dataset.row_ids[order]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([head, "cluster", "uncertainty"])
    doubts = (f"{doubt:.6f}" for doubt in found.uncertainty[order])
    table.writerows(zip(names, found.assignments[order], doubts, strict=True))
    with atomic_write(Path(path).with_suffix(".csv")) as file:
        file.write(text.getvalue().encode())
