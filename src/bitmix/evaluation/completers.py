"""Models that complete rows but have no density."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier

from bitmix.evaluation.task import Task


def neighbours(task: Task, number: int = 50) -> np.ndarray:
    """Return the mean of the missing features in the nearest training rows.

    Returns
    -------
    completions : ndarray, shape (M, missing features)
    """
    x, seen = task.train.x.astype(np.float32), task.observed  # Euclid's order is Hamming's
    model = KNeighborsRegressor(min(number, len(x)), algorithm="brute").fit(x[:, seen], x[:, ~seen])
    return model.predict(task.held_out.x[:, seen].astype(np.float32))


def logistic_regression(task: Task, passes: int, *, seed: int = 0) -> np.ndarray:
    """Predict each missing feature by a logistic regression.

    All are fitted together, as scikit-learn's neural network without a hidden layer.

    Parameters
    ----------
    task : Task
    passes : int
        Passes of Adam through the training rows.

    Returns
    -------
    completions : ndarray, shape (M, missing features)
    """
    x, seen = task.train.x.astype(np.float32), task.observed
    model = MLPClassifier((), max_iter=passes, n_iter_no_change=passes, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        # As int: scikit-learn 1.9 mixes up more than 255 outputs in uint8.
        model.fit(x[:, seen], task.train.x[:, ~seen].astype(int))
    return model.predict_proba(task.held_out.x[:, seen].astype(np.float32))
