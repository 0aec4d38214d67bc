"""Learn a million rows from a known mixture; print the log density of new rows against seconds.

    python benchmarks/million.py [--quick] [--output results/benchmarks/million.json]

The problem is that of Lovell et al. (2013), "ClusterCluster: parallel Markov chain Monte Carlo for
Dirichlet process mixtures", arXiv:1304.2302: 1,000,000 rows of 256 features from a mixture of
Beta-Bernoulli clusters. Two chains run side by side. What they learn is judged by new rows: how far
their log density is below that under the true mixture, which is minus their entropy.

Seconds are CPU seconds of a chain's thread. They include its first partition.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; a chain has one thread

import argparse
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from report import Measure, report

import bitmix
from bitmix.sampling.chain import Chain
from bitmix.sampling.run import Run
from bitmix.sampling.settings import Settings

NEW_ROWS = 10_000
SETTINGS = Settings(
    initial="seeded",
    initial_clusters=256,
    moves=("pixel_priors", "assign", "split_merge", "concentration"),
)


@dataclass
class Truth:
    """A mixture of clusters with equal weights, whose probabilities are drawn from Beta(1, 1)."""

    p: np.ndarray  # (clusters, features)

    @classmethod
    def draw(cls, clusters: int, features: int) -> "Truth":
        return cls(np.random.default_rng(0).random((clusters, features)))

    def rows(self, n: int, seed: int) -> np.ndarray:
        """Draw rows."""
        return self.labelled(n, seed)[0]

    def labelled(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows and their clusters, a thousand at a time to save memory."""
        rng = np.random.default_rng(seed)
        x, z = np.empty((n, self.p.shape[1]), np.uint8), np.empty(n, np.intp)
        parts = -(-n // 1000)
        for part, picked in zip(np.array_split(x, parts), np.array_split(z, parts), strict=True):
            picked[:] = rng.integers(0, len(self.p), len(part))
            part[:] = rng.random(part.shape, np.float32) < self.p[picked]
        return x, z

    def log_density(self, x: np.ndarray) -> float:
        """Return the mean log density of rows, in nats."""
        scores = x @ np.log(self.p).T + (1 - x) @ np.log1p(-self.p).T
        return float((np.logaddexp.reduce(scores, axis=1) - np.log(len(self.p))).mean())


def curve(run: Run, number: int, new: np.ndarray, seconds: float) -> list[dict[str, float]]:
    """Run a chain; return what it knows after each of its sweeps that took another tenth."""
    start = time.thread_time()
    chain = Chain(run, number)
    spent, found = time.thread_time() - start, []
    while spent < seconds:
        start = time.thread_time()
        chain.sweep()
        spent += time.thread_time() - start
        if spent > 1.1 * (found[-1]["seconds"] if found else 0.0) or spent >= seconds:
            density = bitmix.log_predictive([chain.latent()], new).mean()
            trace = chain.trace
            found.append({
                "seconds": spent, "sweeps": chain.sweeps, "log_density": float(density),
                "clusters": chain.mixture.clusters,
                "split_merge": sum(trace["split_merge_seconds"]) / sum(trace["seconds"]),
            })  # fmt: skip
            print(f"chain {number}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def memory() -> float:
    """Return the peak memory of this process so far, in GB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e9


def measures(curves: list, truth: Truth, x: np.ndarray, new: np.ndarray) -> Iterator[Measure]:
    true = truth.log_density(new)
    yield Measure("true log density of a new row", true, "nats")
    for number, found in enumerate(curves):
        end = found[-1]
        yield Measure(f"chain {number}: sweeps", end["sweeps"], "")
        yield Measure("  CPU time", end["seconds"], "s")
        yield Measure("  split-merge, share of it", end["split_merge"], "")
        yield Measure(f"  clusters (true: {len(truth.p)})", end["clusters"], "")
        off = 100 * (end["log_density"] / true - 1)
        yield Measure("  log density below the true one", off, "%", "<= 0.5")
        near = [one["seconds"] for one in found if one["log_density"] / true <= 1.005]
        yield Measure("  CPU time until 0.5%", near[0] if near else np.inf, "s", "<= 300")
    yield Measure("memory beyond the data", memory() - x.nbytes / 1e9, "GB", "<= 2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20,000 rows, two seconds a chain")
    parser.add_argument("--seconds", type=float, default=300.0, help="of a chain")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/million.json"))
    options = parser.parse_args()

    rows, seconds = (20_000, 2.0) if options.quick else (1_000_000, options.seconds)
    truth = Truth.draw(128, 256)
    x, new = truth.rows(rows, seed=1), truth.rows(NEW_ROWS, seed=2)
    run = Run(x, None, 0, SETTINGS, None, checkpoint_every=30.0)
    with ThreadPoolExecutor(2) as pool:
        chains = [pool.submit(curve, run, number, new, seconds) for number in range(2)]
        curves = [chain.result() for chain in chains]
    return report(measures(curves, truth, x, new), options.output, curves=curves)


if __name__ == "__main__":
    sys.exit(main())
