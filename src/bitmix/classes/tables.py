"""The tables of classes, rows and missing answers, as DataFrames and as CSV files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bitmix.classes.names import item_labels, item_names, row_index
from bitmix.classes.number import number_of_classes
from bitmix.classes.profiles import Profiles
from bitmix.classes.relabel import Classes
from bitmix.classes.rows import impute
from bitmix.classes.words import describe, describe_number
from bitmix.data import Dataset
from bitmix.io import atomic_write
from bitmix.partitions import coclustering

#: The most rows whose pairs are all written: their probabilities take 16 MB.
MOST_PAIRED = 2000


def class_table(classes: Classes, found: Profiles, names: Sequence[str]) -> pd.DataFrame:
    """Return what is known of each class, largest first.

    Parameters
    ----------
    classes : Classes
    found : Profiles
        The result of `profiles`.
    names : sequence of str, of length D
        The names of the features.

    Returns
    -------
    table : DataFrame
        The index `class` is 1, 2, ... The columns are `size`, the rows with this as their most
        probable class; `share` of the population with its bounds, for example `share 2.5%` and
        `share 97.5%`; `found`, the share of the states that have the class; and for each feature
        the probability of 1 under its own name, with its bounds.
    """
    low, high = (
        f"{100 * level:.4g}%"
        for level in np.array([1 - found.probability, 1 + found.probability]) / 2
    )
    labels, columns = ["size"], [classes.sizes]
    values = [("share", found.share, found.share_bounds)]
    values += [(name, found.means[:, d], found.bounds[:, d]) for d, name in enumerate(names)]
    for name, mean, bounds in values:
        labels += [name, f"{name} {low}", f"{name} {high}"]
        columns += [mean, *bounds.T]
    labels.insert(4, "found")
    columns.insert(4, classes.found)
    table = pd.concat(map(pd.Series, columns), axis=1)
    return table.set_axis(labels, axis=1).set_axis(class_index(classes), axis=0)


def class_index(classes: Classes) -> pd.Index:
    """Return the numbers of the classes, from 1."""
    return pd.RangeIndex(1, classes.number + 1, name="class")


def member_table(memberships: np.ndarray, ids: pd.Index) -> pd.DataFrame:
    """Return the class of each row and how certain it is.

    Parameters
    ----------
    memberships : array, shape (N, C + 1)
        `Classes.memberships`, or the result of `classify`.
    ids : pandas.Index, of length N
        What identifies the rows.

    Returns
    -------
    table : DataFrame
        `class` is the most probable class, missing where no class is; `certainty` the probability
        of that; `class 1`, ... those of each class; and `no class` the rest.
    """
    number = memberships.shape[1] - 1
    best = memberships.argmax(axis=1) + 1
    labels = [*(f"class {k + 1}" for k in range(number)), "no class"]
    table = pd.DataFrame(memberships, ids, labels)
    table.insert(0, "class", pd.Series(best, ids, "Int64").mask(best > number))
    table.insert(1, "certainty", memberships.max(axis=1))
    return table


def imputed_table(classes: Classes, dataset: Dataset) -> pd.DataFrame:
    """Return the probability of each missing answer: columns `item`, `answer` and `probability`.

    `answer` is what 1 means in the source, such as "yes". The rows have the order of the source.
    `bitmix.classes.impute` says how the probability is computed.
    """
    observed = dataset.observed
    probabilities = impute(classes, observed)
    missing = np.empty((0, 2), int) if observed is None else np.argwhere(~observed)
    rows, features = missing.T
    place = np.argsort(dataset.in_source_order())
    order = np.lexsort((features, place[rows]))
    names, ones = item_names(dataset), [one for _, one in dataset.levels or ()]
    columns = {
        "item": np.array(names, object)[features[order]],
        "answer": np.array(ones or ["1"] * len(names), object)[features[order]],
        "probability": probabilities[order],
    }
    return pd.DataFrame(columns, row_index(dataset)[rows[order]])


def write_classes(
    folder: str | os.PathLike[str], classes: Classes, found: Profiles, dataset: Dataset
) -> None:
    """Write everything that is known of classes to a folder.

    - classes.csv: `class_table`;
    - members.csv: `member_table`, in the order of the source;
    - imputed.csv: `imputed_table`;
    - number-of-classes.csv: `number_of_classes`;
    - classes.md: what sets each class apart, in words;
    - together.npz: the probability of every two rows to be in one cluster, `probability` (R, R) as
      float32, with the ids of the rows, `rows` (R,). Of more rows than `MOST_PAIRED`, it has so
      many, the first of `dataset`; `bitmix.coclustering` computes any others.

    Parameters
    ----------
    folder : path-like
        If it is "", nothing is written.
    classes : Classes
    found : Profiles
        Their `profiles`.
    dataset : Dataset
        The rows that the classes were found in.
    """
    if not folder:
        return
    folder, order, ids = Path(folder), dataset.in_source_order(), row_index(dataset)
    number = number_of_classes(classes.states)
    write_table(folder / "classes.csv", class_table(classes, found, item_names(dataset)))
    write_table(folder / "members.csv", member_table(classes.memberships[order], ids[order]))
    write_table(folder / "imputed.csv", imputed_table(classes, dataset))
    write_table(folder / "number-of-classes.csv", number)
    with atomic_write(folder / "classes.md") as file:
        text = describe(classes, found, item_labels(dataset))
        file.write(f"{describe_number(number)}\n\n{text}\n".encode())
    rows = order[order < MOST_PAIRED]
    assignments = np.stack([state.assignments for state in classes.states])
    together = coclustering(assignments, rows).astype(np.float32)
    with atomic_write(folder / "together.npz") as file:
        np.savez(file, probability=together, rows=ids[rows].to_numpy().astype(str))


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically, with numbers to four places."""
    with atomic_write(path) as file:
        file.write(table.to_csv(float_format="%.4f").encode())
