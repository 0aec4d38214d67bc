"""Measure what a sweep costs, and how soon a chain finds the clusters, by the size of the data.

    python benchmarks/scaling.py [--quick] [--output results/benchmarks/scaling.json]

The data are drawn from known mixtures. Seconds are CPU seconds of the chain's thread.

For the cost of a sweep, each chain starts at the true clusters, so few rows move: this is a chain
that has settled. The best of three sweeps counts. Memory is what packing the rows and the chain add
to that of the process.

For the clusters, each chain starts from three times as many rows as there are true clusters, and
ends as soon as its adjusted Rand index with the truth is above .98.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy reads it on import; a chain has one thread

import argparse
import gc
import itertools
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from million import Truth
from report import Measure, report
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

from bitmix import kernel
from bitmix.model import HYPERPRIORS
from bitmix.sampling.chain import Chain
from bitmix.sampling.run import Run
from bitmix.sampling.settings import Settings

# Rows, features, clusters: a base, and three times as many or more of each
SIZES = (
    (100_000, 100, 20),
    (1_000_000, 100, 20),
    (100_000, 400, 20),
    (100_000, 100, 100),
    (100_000, 100, 1000),
    (1_000_000, 256, 128),
)
SWEEPS = 3
CLUSTERS = 20
SETTINGS = Settings(
    initial="seeded",
    initial_clusters=3 * CLUSTERS,
    moves=("pixel_priors", "assign", "split_merge", "concentration"),
)
LONGEST = 60.0  # seconds of a chain that finds its clusters
MANY = 100_000_000  # the rows that the last lines extrapolate to


def resident() -> float:
    """Return the memory that this process has in use, in bytes."""
    gc.collect()
    kib = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
    return int(kib) * 1024.0


def measure(rows: int, features: int, clusters: int) -> dict[str, float]:
    """Return the seconds of each move, and the bytes of a row, of a chain at the true clusters."""
    x, z = Truth.draw(clusters, features).labelled(rows, seed=1)
    z = np.unique(z, return_inverse=True)[1]
    before = resident()
    start = time.thread_time()
    packed = kernel.Rows(x)
    found = {"packing": time.thread_time() - start}
    ones, bits = np.ones(features), np.random.PCG64(0)
    mixture = kernel.mixture_of(packed, z, ones, ones, 1.0)
    prior = HYPERPRIORS["exponential"]
    moves = {
        "priors": lambda: kernel.update_priors(
            mixture, bits, prior.rate, prior.power, prior.low, prior.high
        ),
        "sweep": lambda: kernel.sweep(mixture, bits),
    }
    for name, move in moves.items():
        times = []
        for _ in range(SWEEPS):
            start = time.thread_time()
            move()
            times.append(time.thread_time() - start)
        found[name] = min(times)
    return found | {"bytes": (resident() - before) / rows, "clusters": mixture.clusters}


def sparse_truth(features: int) -> Truth:
    """Return clusters of which each has its own few features often on, and most hardly ever."""
    p = np.random.default_rng(3).gamma(0.1, 0.05, (CLUSTERS, features))
    return Truth(np.clip(p, 1e-12, 0.9))


def finding(title: str, x, z: np.ndarray) -> Iterator[Measure]:
    """Sample a chain until it has found the clusters, or for LONGEST seconds."""
    run = Run(x, None, 1, SETTINGS, None, checkpoint_every=30.0)
    start = time.thread_time()
    chain = Chain(run, 0)
    seconds, index = time.thread_time() - start, 0.0
    while index <= 0.98 and seconds < LONGEST:
        start = time.thread_time()
        chain.sweep()
        seconds += time.thread_time() - start
        index = adjusted_rand_score(z, chain.mixture.assignments)
    yield Measure(f"{title}: adjusted Rand index", index, "", "> 0.98")
    yield Measure("  after", seconds, "s")
    yield Measure("  sweeps", chain.sweeps, "")
    yield Measure(f"  clusters (true: {CLUSTERS})", chain.mixture.clusters, "")


def findings(share: int) -> Iterator[Measure]:
    """Measure how soon chains find the clusters of a share of the rows of three data sets."""
    for rows in (100_000 // share, 1_000_000 // share):
        x, z = Truth.draw(CLUSTERS, 100).labelled(rows, seed=1)
        yield from finding(f"{rows:,} x 100", x, z)
    size = 20_000 if share == 1 else 5_000
    x, z = sparse_truth(size).labelled(size, seed=1)
    yield from finding(f"{size:,} x {size:,}, sparse", csr_array(x), z)


def costs(share: int) -> Iterator[Measure]:
    """Measure sweeps of a share of the rows of data sets of all sizes."""
    costs = {}
    sizes = [(rows // share, features, clusters) for rows, features, clusters in SIZES]
    for rows, features, clusters in sizes:
        found = costs[rows, features, clusters] = measure(rows, features, clusters)
        yield Measure(f"{rows:,} x {features}: clusters (true: {clusters})", found["clusters"], "")
        yield Measure("  a sweep", found["sweep"], "s")
        yield Measure("  a row", 1e6 * found["sweep"] / rows, "us")
        yield Measure("  feature priors", found["priors"], "s")
        yield Measure("  packing a row", 1e6 * found["packing"] / rows, "us")
        yield Measure("  memory beside the data, a row", found["bytes"], "bytes")
    largest = max(costs, key=lambda size: (size[0], -size[1]))
    found, times = costs[largest], MANY / largest[0]
    title = f"extrapolated: {MANY:,} x {largest[1]}, {largest[2]} clusters"
    yield Measure(f"{title}: a sweep", times * found["sweep"], "s")
    yield Measure("  packing", times * found["packing"], "s")
    yield Measure("  memory beside the data", times * found["bytes"] * largest[0] / 1e9, "GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of the rows")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/scaling.json"))
    options = parser.parse_args()
    share = 100 if options.quick else 1
    return report(itertools.chain(costs(share), findings(share)), options.output)


if __name__ == "__main__":
    sys.exit(main())
