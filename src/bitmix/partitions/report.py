"""Selections from a consensus, and its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

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
    path: str | os.PathLike[str], found: Consensus, agreements: Mapping[str, np.ndarray]
) -> None:
    """Write a consensus as JSON, and the cluster and uncertainty of each row as CSV beside it.

    Parameters
    ----------
    path : path-like
        The JSON file. The CSV file has the suffix .csv. If it is "", nothing is written.
    found : Consensus
    agreements : mapping of str to ndarray
        Results of `agreement` by name. nan becomes null.
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
    columns = zip(found.assignments, found.uncertainty, strict=True)
    lines = (f"{row},{cluster},{doubt:.6f}\n" for row, (cluster, doubt) in enumerate(columns))
    with atomic_write(Path(path).with_suffix(".csv")) as file:
        file.write(f"row,cluster,uncertainty\n{''.join(lines)}".encode())
