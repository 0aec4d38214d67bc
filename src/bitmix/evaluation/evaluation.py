"""How well images that were not trained on are predicted and completed, by bitmix and by others.

All models but two (`neighbours`, `logistic_regression`) are mixtures of independent pixels, of
which several may be averaged: `evaluate` scores them all by the same lines. They come to it one by
one, so that an average of any number needs the memory of one.
"""

import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from stepmix import StepMix
from threadpoolctl import threadpool_limits

from bitmix.chains import Latent
from bitmix.data import Dataset, shuffle
from bitmix.io import write_json
from bitmix.predict import beta_parameters
from bitmix.sampling.sampler import sample_chain

Row = dict[str, Any]

#: The scores of a model, in the order of the table: name, and heading.
SCORES = {
    "held_out": "held-out, nats",
    "missing": "missing given observed, nats",
    "brier": "Brier, density",
    "brier_equal": "Brier, plain",
    "accuracy": "label",
    "accuracy_observed": "label, half seen",
    "nmi": "NMI",
    "ari": "ARI",
}
#: Added to the counts of `expectation_maximisation`, of on-pixels and of off-pixels.
PSEUDOCOUNT = 0.1
#: StepMix's probabilities of 0 and 1 are taken for this far from them, which serves it well.
STEPMIX_FLOOR = 1e-3


# The task ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Task:
    """Learn from `train`; of `held_out`, predict the images, and what is missing in them.

    Parameters
    ----------
    train, held_out : Dataset
        With labels, or both without.
    observed : ndarray of bool, shape (D,)
        True for the pixels seen when an image of `held_out` is completed.

    Raises
    ------
    ValueError
        If pixels are missing in the data.
    """

    train: Dataset
    held_out: Dataset
    observed: np.ndarray

    def __post_init__(self) -> None:
        if self.train.observed is not None or self.held_out.observed is not None:
            raise ValueError("an evaluation needs images without missing pixels: impute them first")


def unshuffle(dataset: Dataset, seed: int) -> Dataset:
    """Return the images in the order that they had before `bitmix.shuffle` with this seed.

    Of images cut down after the shuffle that order is lost; these come in another random one.
    """
    order = shuffle(Dataset(dataset.x, np.arange(len(dataset.x))), seed).labels
    return dataset.take(np.argsort(order))


def split(dataset: Dataset, train: int | None) -> tuple[Dataset, Dataset]:
    """Divide images in random order, the same for any number of them every time.

    The order is that of ``numpy.random.RandomState(0).permutation(N)``, whose stream NumPy keeps.
    With the 14,131 twos and threes of MNIST as `bitmix.load_mnist` has them and 10,000 to train on
    this is the split of the reference figures in the README.

    Parameters
    ----------
    dataset : Dataset
    train : int or None
        How many images to train on; seven in ten if None.

    Returns
    -------
    train, held_out : Dataset

    Raises
    ------
    ValueError
        If there are not more than `train` images.
    """
    n = len(dataset.x)
    train = n * 7 // 10 if train is None else train
    if not 0 < train < n:
        raise ValueError(
            f"train is {train}, but must be from 1 to {n - 1}: of the {n} images some must be left "
            "to be held out"
        )
    order = np.random.RandomState(0).permutation(n)
    return dataset.take(order[:train]), dataset.take(order[train:])


# Models -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K clusters in which the D pixels are independent.

    Parameters
    ----------
    weights : ndarray, shape (K,)
        The probability of each cluster; they add up to one.
    on, off : ndarrays, shape (K, D)
        Above 0, and such that a pixel is on with probability on / (on + off): both are kept, as
        the probability of one of them alone may round to one.
    assignments : ndarray of int, shape (N,)
        The clusters of the training images.
    """

    weights: np.ndarray
    on: np.ndarray
    off: np.ndarray
    assignments: np.ndarray

    @classmethod
    def of_latent(cls, latent: Latent) -> "Mixture":
        """Return what a chain predicts for a new image: its clusters, and a new one as the last.

        This is the density of `bitmix.log_predictive` as a mixture.
        """
        sizes = np.append(latent.sizes, latent.concentration)
        return cls(sizes / sizes.sum(), *beta_parameters(latent), latent.assignments)

    @classmethod
    def of_counts(cls, counts: np.ndarray, sizes: np.ndarray, assignments: np.ndarray) -> "Mixture":
        """Return the mixture of clusters of these sizes, (K,), with on-pixels counted, (K, D)."""
        weights = sizes + PSEUDOCOUNT
        off = sizes[:, None] - counts + PSEUDOCOUNT
        return cls(weights / weights.sum(), counts + PSEUDOCOUNT, off, assignments)

    @property
    def means(self) -> np.ndarray:
        """The probability of each pixel to be on, shape (K, D)."""
        return self.on / (self.on + self.off)

    def log_likelihood(self, x: np.ndarray, pixels: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return log p(x | k) of vectors, shape (M, D), in each cluster, shape (M, K).

        Of the chosen pixels only, if any are; computed in the floating type of `x`.
        """
        on, off = self.on[:, pixels], self.off[:, pixels]
        log_off = np.log(off)
        weights = (np.log(on) - log_off).T.astype(x.dtype, copy=False)
        return x[:, pixels] @ weights + (log_off - np.log(on + off)).sum(axis=1).astype(x.dtype)


def chains(x: np.ndarray, number: int, **settings: Any) -> Iterator[Mixture]:
    """Sample the chains that ``bitmix.sample(x, chains=number, **settings)`` samples, in turn."""
    for chain in range(number):
        yield Mixture.of_latent(sample_chain(x, chain, progress=False, **settings))


def independent_pixels(x: np.ndarray) -> Iterator[Mixture]:
    """Return the mixture of a single cluster."""
    yield Mixture.of_counts(x.sum(axis=0)[None], np.array([len(x)]), np.zeros(len(x), int))


def expectation_maximisation(
    x: np.ndarray, clusters: int, fits: int = 1, *, iterations: int = 30, seed: int = 0
) -> Iterator[Mixture]:
    """Fit mixtures by EM (Dempster, Laird and Rubin 1977), as one would write it with NumPy.

    Each starts from training images drawn at random as centres, in a stream of its own.
    `PSEUDOCOUNT` is added to every count, as a Beta and a Dirichlet prior do.
    """
    x = x.astype(np.float32)
    clusters = min(clusters, len(x))
    for fit in range(fits):
        rng = np.random.default_rng([seed, fit])
        centres = x[rng.choice(len(x), clusters, replace=False)]
        mixture = Mixture.of_counts(centres, np.ones(clusters), np.empty(0))
        for _ in range(iterations):
            log_weights = np.log(mixture.weights, dtype=np.float32)
            posterior = softmax(log_weights + mixture.log_likelihood(x), axis=1)
            nearest = posterior.argmax(axis=1)
            mixture = Mixture.of_counts(posterior.T @ x, posterior.sum(axis=0), nearest)
        yield mixture


def stepmix(x: np.ndarray, clusters: int, *, seed: int = 0) -> Iterator[Mixture]:
    """Fit a mixture by StepMix (Morin et al. 2025), with its own defaults."""
    model = StepMix(clusters, measurement="binary", random_state=seed, progress_bar=0).fit(x)
    parameters = model.get_parameters()
    on = parameters["measurement"]["pis"].clip(STEPMIX_FLOOR, 1 - STEPMIX_FLOOR)
    yield Mixture(parameters["weights"], on, 1 - on, model.predict(x))


# Completions alone ------------------------------------------------------------------------------


def neighbours(task: Task, number: int = 50) -> np.ndarray:
    """Return the mean missing pixels of the training images nearest in those observed.

    Returns
    -------
    completions : ndarray, shape (M, missing pixels)
    """
    x, seen = task.train.x.astype(np.float32), task.observed  # Euclid's order is Hamming's
    model = KNeighborsRegressor(min(number, len(x)), algorithm="brute").fit(x[:, seen], x[:, ~seen])
    return model.predict(task.held_out.x[:, seen].astype(np.float32))


def logistic_regression(task: Task, passes: int, *, seed: int = 0) -> np.ndarray:
    """Return the missing pixels as logistic regressions on those observed, one each, predict them.

    All are fitted at once: they are scikit-learn's neural network without a hidden layer.

    Parameters
    ----------
    task : Task
    passes : int
        Passes of Adam through the training images.

    Returns
    -------
    completions : ndarray, shape (M, missing pixels)
    """
    x, seen = task.train.x.astype(np.float32), task.observed
    model = MLPClassifier((), max_iter=passes, n_iter_no_change=passes, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        # As int: scikit-learn 1.9 mixes up more than 255 outputs in uint8.
        model.fit(x[:, seen], task.train.x[:, ~seen].astype(int))
    return model.predict_proba(task.held_out.x[:, seen].astype(np.float32))


# Scores -----------------------------------------------------------------------------------------


class Average:
    """The average of mixtures that are added one by one, and its scores.

    Two averages, as in `bitmix.complete`: that of the densities, of which a completion weighs each
    mixture by its probability of the pixels observed (``chain_weights="evidence"``), and the plain
    one of the completions ("equal").

    Attributes
    ----------
    completions, completions_equal : ndarray, shape (M, missing pixels)
        By the averaged density, and plain.
    members, clusters : int
        How many mixtures, and their clusters in all.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.members = self.clusters = 0
        self._x = task.held_out.x.astype(float)
        images, missing = len(self._x), np.count_nonzero(~task.observed)
        # Log sums over the members, of all pixels and of those observed
        self._log_full = np.full(images, -np.inf)
        self._log_observed = np.full(images, -np.inf)
        self.completions = np.zeros((images, missing))
        self.completions_equal = np.zeros((images, missing))
        self._labels: np.ndarray | float = 0.0
        self._labels_observed: np.ndarray | float = 0.0
        self._agreement = np.zeros(2)

    def add(self, mixture: Mixture) -> None:
        """Take another mixture into the average."""
        seen = self.task.observed
        joint_observed = np.log(mixture.weights) + mixture.log_likelihood(self._x, seen)
        joint_full = joint_observed + mixture.log_likelihood(self._x, ~seen)
        of_full, log_full = _normalise(joint_full)
        of_observed, log_observed = _normalise(joint_observed)

        self.members += 1
        self.clusters += len(mixture.weights)
        self._log_full, share_full = _add_log(self._log_full, log_full)
        self._log_observed, share = _add_log(self._log_observed, log_observed)
        completions = of_observed @ mixture.means[:, ~seen]
        self.completions += share * (completions - self.completions)
        self.completions_equal += (completions - self.completions_equal) / self.members
        if self.task.train.labels is not None:
            by_cluster = label_shares(mixture, self.task.train.labels)
            self._labels += share_full * (of_full @ by_cluster - self._labels)
            self._labels_observed += share * (of_observed @ by_cluster - self._labels_observed)
            clusters = joint_full.argmax(axis=1)
            self._agreement += _agreement(self.task.held_out.labels, clusters)

    def scores(self) -> Row:
        """Return the `SCORES` of the average so far: means over the held-out images.

        NMI and ARI compare the labels with the most probable clusters of one mixture, and are means
        over the mixtures.
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
    task: Task, model: str, members: Iterable[Mixture], report: Sequence[int] = ()
) -> tuple[list[Row], Average]:
    """Score an average of mixtures as it grows.

    Parameters
    ----------
    task : Task
    model : str
        What the rows are called.
    members : iterable of Mixture
        What it takes to come to the next of them is the time of the fit, on one thread.
    report : sequence of int
        Give a row after so many members, beside the last.

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
                rows.append(_row(model, average, fitting, scoring))
    if average.members not in report:
        rows.append(_row(model, average, fitting, scoring))
    return rows, average


def evaluate_completions(task: Task, model: str, complete: Callable[[Task], np.ndarray]) -> Row:
    """Score completions, made by ``complete(task)`` on one thread; a row as `evaluate` gives them.

    The missing pixels count as independent given those observed: more is not known of them.
    """
    start = time.process_time()
    with threadpool_limits(limits=1):
        completions = complete(task)
    row = {"model": model, "cpu_seconds": round(time.process_time() - start, 2)}
    truth = task.held_out.x[:, ~task.observed]
    with np.errstate(divide="ignore"):
        missing = np.log(np.where(truth, completions, 1 - completions)).sum(axis=1).mean()
    if np.isfinite(missing):  # not if a pixel is called impossible that is there
        row["missing"] = float(missing)
    return {**row, "brier": brier(task, completions)}


def brier(task: Task, completions: np.ndarray) -> float:
    """Return the mean squared error of the missing pixels' probabilities (Brier 1950)."""
    return float(np.mean((completions - task.held_out.x[:, ~task.observed]) ** 2))


def reliability(task: Task, completions: np.ndarray, bins: int = 10) -> dict[str, list]:
    """Compare the probabilities of missing pixels with the shares of them that are on.

    Returns
    -------
    curve : dict of lists, one entry for each of the `bins` that has pixels
        `predicted`, their mean probability; `on`, the share that is on; `pixels`, their number.
    """
    predicted = completions.ravel()
    on = task.held_out.x[:, ~task.observed].ravel()
    which = np.minimum((predicted * bins).astype(int), bins - 1)
    pixels = np.bincount(which, minlength=bins)
    some = pixels > 0
    return {
        "predicted": (np.bincount(which, predicted, bins)[some] / pixels[some]).tolist(),
        "on": (np.bincount(which, on, bins)[some] / pixels[some]).tolist(),
        "pixels": pixels[some].tolist(),
    }


def label_shares(mixture: Mixture, labels: np.ndarray) -> np.ndarray:
    """Return p(label | k), shape (K, L), as `bitmix.label_probabilities` has it."""
    classes, codes = np.unique(labels, return_inverse=True)
    shape = len(mixture.weights), len(classes)
    cells = np.ravel_multi_index((mixture.assignments, codes), shape)
    counts = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
    smoothed = counts + np.bincount(codes) / len(codes)
    return smoothed / smoothed.sum(axis=1, keepdims=True)


# The file ---------------------------------------------------------------------------------------


def write_evaluation(
    path: str | Path,
    task: Task,
    configuration: Mapping[str, Any],
    rows: Sequence[Row],
    by_sweeps: Sequence[Row],
    curves: Mapping[str, Mapping[str, list]],
) -> None:
    """Write an evaluation as JSON: rows of `evaluate`, curves of `reliability`, and versions."""
    libraries = ("numpy", "scipy", "scikit-learn", "stepmix")
    evaluation = {
        "configuration": dict(configuration),
        "data": {
            name: {"sha256": dataset.sha256, "shape": list(dataset.x.shape)}
            for name, dataset in (("train", task.train), ("held_out", task.held_out))
        },
        "models": list(rows),
        "by_sweeps": list(by_sweeps),
        "reliability": dict(curves),
        "versions": {
            "bitmix": version("bitmix"),
            "python": platform.python_version(),
            **{library: version(library) for library in libraries},
        },
    }
    write_json(path, evaluation)


def results_table(evaluation: Mapping[str, Any]) -> str:
    """Return what `write_evaluation` wrote as a Markdown table, as the README has it."""
    return rows_table(evaluation["models"])


def rows_table(rows: Sequence[Row]) -> str:
    """Return rows of `evaluate` as a Markdown table."""
    headings = ["model", "averaged", "clusters", "fitting, CPU s", "scoring, CPU s"]
    lines = [
        f"| {' | '.join([*headings, *SCORES.values()])} |",
        "|:---|" + "---:|" * (len(headings) - 1 + len(SCORES)),
    ]
    for row in rows:
        cells = [row["model"]]
        cells += [f"{row[key]:,}" if key in row else "" for key in ("members", "clusters")]
        seconds = ("cpu_seconds", "scoring_seconds")
        cells += [f"{row[key]:.1f}" if key in row else "" for key in seconds]
        cells += [_cell(key, row[key]) if key in row else "" for key in SCORES]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(score: str, value: float) -> str:
    return f"{value:.1f}" if score in ("held_out", "missing") else f"{value:.4f}"


# Helpers ----------------------------------------------------------------------------------------


def _timed(items: Iterable[Mixture]) -> Iterator[tuple[Mixture, float]]:
    """Give each item with the CPU seconds that it took to come."""
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


def _normalise(log_joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return p(k | x) of each row, and log p(x)."""
    log_evidence = logsumexp(log_joint, axis=1)
    return np.exp(log_joint - log_evidence[:, None]), log_evidence


def _add_log(log_sum: np.ndarray, log_term: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of a sum and another term, and the term's share of it as a column."""
    total = np.logaddexp(log_sum, log_term)
    return total, np.exp(log_term - total)[:, None]


def _agreement(labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """NMI and ARI (Hubert and Arabie 1985)."""
    measures = (normalized_mutual_info_score, adjusted_rand_score)
    return np.array([measure(labels, clusters) for measure in measures])
