"""Scores of models and of growing averages of models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from bitmix.evaluation.task import Task
from bitmix.predict import Mixture, normalise

Row = dict[str, Any]


class Average:
    """The average of mixtures that are added one by one, and its scores.

    There are two averages, as in `bitmix.complete`. The averaged density weighs each mixture by its
    probability of the observed features (``chain_weights="evidence"``). The plain average of the
    completions weighs all alike ("equal").

    Attributes
    ----------
    completions, completions_equal : ndarray, shape (M, missing features)
        The completions of the averaged density, and of the plain average.
    members, clusters : int
        The number of mixtures, and the number of clusters in all of them.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.members = self.clusters = 0
        self._x = task.held_out.x.astype(float)
        number, missing = len(self._x), np.count_nonzero(~task.observed)
        # Log sums over the members: of all features, and of the observed ones
        self._log_full = np.full(number, -np.inf)
        self._log_observed = np.full(number, -np.inf)
        self.completions = np.zeros((number, missing))
        self.completions_equal = np.zeros((number, missing))
        self._codes: tuple[np.ndarray, int] | None = None
        if task.train.labels is not None:
            classes, codes = np.unique(task.train.labels, return_inverse=True)
            self._codes = codes, len(classes)
        self._labels: np.ndarray | float = 0.0
        self._labels_observed: np.ndarray | float = 0.0
        self._agreement = np.zeros(2)

    def add(self, mixture: Mixture) -> None:
        """Add a mixture to the average."""
        seen = self.task.observed
        log_prior = np.log(mixture.weights / mixture.weights.sum())
        joint_observed = log_prior + mixture.select(seen).log_likelihood(self._x[:, seen])
        joint_full = joint_observed + mixture.select(~seen).log_likelihood(self._x[:, ~seen])
        of_full, log_full = normalise(joint_full)
        of_observed, log_observed = normalise(joint_observed)

        self.members += 1
        self.clusters += len(mixture.weights)
        self._log_full, share_full = _add_log(self._log_full, log_full)
        self._log_observed, share = _add_log(self._log_observed, log_observed)
        completions = of_observed @ mixture.means[:, ~seen]
        self.completions += share * (completions - self.completions)
        self.completions_equal += (completions - self.completions_equal) / self.members
        if self._codes is not None:
            by_cluster = mixture.label_shares(*self._codes)
            self._labels += share_full * (of_full @ by_cluster - self._labels)
            self._labels_observed += share * (of_observed @ by_cluster - self._labels_observed)
            clusters = joint_full.argmax(axis=1)
            self._agreement += _agreement(self.task.held_out.labels, clusters)

    def scores(self) -> Row:
        """Return the `SCORES` of the average so far, as means over the held-out rows.

        NMI and ARI compare the labels with the most probable clusters of each mixture. They are
        means over the mixtures.
        """
        log_members = np.log(self.members)
        scores = {
            "held_out": self._log_full.mean() - log_members,
            "missing": (self._log_full - self._log_observed).mean(),
            "brier": brier(self.task, self.completions),
            "brier_equal": brier(self.task, self.completions_equal),
        }
        if self.task.train.labels is not None:
            scores["accuracy"] = self._accuracy(self._labels)
            scores["accuracy_observed"] = self._accuracy(self._labels_observed)
            scores["nmi"], scores["ari"] = self._agreement / self.members
        return {name: float(score) for name, score in scores.items()}

    def _accuracy(self, probabilities: np.ndarray) -> float:
        classes = np.unique(self.task.train.labels)
        return np.mean(classes[probabilities.argmax(axis=1)] == self.task.held_out.labels)


def evaluate(
    task: Task,
    model: str,
    members: Iterable[Mixture],
    report: Sequence[int] = (),
    **settings: Any,
) -> tuple[list[Row], Average]:
    """Score an average of mixtures as it grows.

    Parameters
    ----------
    task : Task
    model : str
        The name of the rows.
    members : iterable of Mixture
        The time to get the next one counts as its fit, on one thread.
    report : sequence of int
        The numbers of members after which to add a row. The last number always has one.
    **settings
        What else to record in each row.

    Returns
    -------
    rows : list of dict
        `model`, `members`, `clusters` (of all members), `cpu_seconds` and `scoring_seconds` so far,
        and `SCORES`.
    average : Average
    """
    average, rows, fitting, scoring = Average(task), [], 0.0, 0.0
    with threadpool_limits(limits=1):
        for mixture, seconds in _timed(members):
            start = time.process_time()
            average.add(mixture)
            scoring += time.process_time() - start
            fitting += seconds
            if average.members in report:
                rows.append(_row(model, average, fitting, scoring) | settings)
    if average.members not in report:
        rows.append(_row(model, average, fitting, scoring) | settings)
    return rows, average


def evaluate_completions(task: Task, model: str, complete: Callable[[Task], np.ndarray]) -> Row:
    """Score the completions of ``complete(task)``, computed on one thread; return a row.

    The missing features count as independent given the observed ones.
    """
    start = time.process_time()
    with threadpool_limits(limits=1):
        completions = complete(task)
    row = {"model": model, "cpu_seconds": round(time.process_time() - start, 2)}
    truth = task.held_out.x[:, ~task.observed]
    with np.errstate(divide="ignore"):
        missing = np.log(np.where(truth, completions, 1 - completions)).sum(axis=1).mean()
    if np.isfinite(missing):  # no hidden value has probability 0
        row["missing"] = float(missing)
    return {**row, "brier": brier(task, completions)}


def brier(task: Task, completions: np.ndarray) -> float:
    """Return the mean squared error of the missing features' probabilities (Brier 1950)."""
    return float(np.mean((completions - task.held_out.x[:, ~task.observed]) ** 2))


def reliability(task: Task, completions: np.ndarray, bins: int = 10) -> dict[str, list]:
    """Compare the predicted probabilities of missing features with the shares that are on.

    Returns
    -------
    curve : dict of lists, one entry for each of the `bins` that has features
        `predicted`: the mean probability; `on`: the share that is on; `pixels`: the number.
    """
    predicted = completions.ravel()
    on = task.held_out.x[:, ~task.observed].ravel()
    shares, means = calibration_curve(on, predicted, n_bins=bins)
    numbers, _ = np.histogram(predicted, np.linspace(0, 1, bins + 1))
    return {
        "predicted": means.tolist(),
        "on": shares.tolist(),
        "pixels": numbers[numbers > 0].tolist(),
    }


def _timed(items: Iterable[Mixture]) -> Iterator[tuple[Mixture, float]]:
    """Yield each item with the CPU seconds that it took."""
    items = iter(items)
    start = time.process_time()
    while (item := next(items, None)) is not None:
        yield item, time.process_time() - start
        start = time.process_time()


def _row(model: str, average: Average, fitting: float, scoring: float) -> Row:
    return {
        "model": model,
        "members": average.members,
        "clusters": average.clusters,
        "cpu_seconds": round(fitting, 2),
        "scoring_seconds": round(scoring, 2),
        **average.scores(),
    }


def _add_log(log_sum: np.ndarray, log_term: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add a term to a sum, both as logs; return the log, and the term's share as a column."""
    total = np.logaddexp(log_sum, log_term)
    return total, np.exp(log_term - total)[:, None]


def _agreement(labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return NMI and ARI (Hubert and Arabie 1985)."""
    measures = (normalized_mutual_info_score, adjusted_rand_score)
    return np.array([measure(labels, clusters) for measure in measures])
