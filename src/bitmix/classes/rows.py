"""Rows: the classes of new ones, and the missing answers of those in the data."""

from __future__ import annotations

import numpy as np

from bitmix.classes.relabel import Classes
from bitmix.predict.clusters import responsibilities
from bitmix.predict.mixture import check_queries, feature_means


def classify(classes: Classes, x: np.ndarray, observed: np.ndarray | None = None) -> np.ndarray:
    """Return p(class | observed features) of new rows, averaged over the states.

    Parameters
    ----------
    classes : Classes
    x : array or DataFrame, shape (M, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a feature is observed; all of them by default.

    Returns
    -------
    probabilities : ndarray of float64, shape (M, C + 1)
        The last column is the probability of no class: a new cluster, or one that few states have.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = check_queries(classes.states, x, observed)
    total = np.zeros((len(x), classes.number + 1))
    for number, state in enumerate(classes.states):
        member = np.eye(classes.number + 1)[classes.of_clusters(number)]
        total += responsibilities(state, x, observed) @ member
    return total / len(classes.states)


def impute(classes: Classes, observed: np.ndarray | None) -> np.ndarray:
    """Return the probability that each missing feature of the rows is on.

    It is the exact expectation given a state, the mean of the Beta posterior of the row's cluster,
    averaged over the states.

    Parameters
    ----------
    classes : Classes
    observed : ndarray of bool, shape (N, D), or None
        The mask of the rows that the states have. None means that nothing is missing.

    Returns
    -------
    probabilities : ndarray of float64
        For the missing features in the order of ``np.argwhere(~observed)``.
    """
    if observed is None:
        return np.empty(0)
    rows, features = np.nonzero(~observed)
    total = np.zeros(len(rows))
    for state in classes.states:
        total += feature_means(state)[state.assignments[rows], features]
    return total / len(classes.states)
