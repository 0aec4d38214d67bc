"""The settings of chains that are sampled until they have mixed.

Their sweeps and kept states come in rounds at fixed counts. No clock decides.
"""

from __future__ import annotations

from typing import Any

#: The sweeps of each chain after the first round. Each round doubles them.
FIRST = 2_000
#: The most sweeps of a chain.
MOST = 128_000
#: The number of first sweeps that are annealed. Without annealing, chains of many rows may merge
#: two distinct clusters and never split them again. Chains that mix without it also mix with it.
ANNEALING = 100
#: Chains with fewer sweeps are not annealed: they would end with too many clusters.
FEWEST_ANNEALED = 100
#: The most work of a chain: rows times features times sweeps.
WORK = 10**10
#: The states that a chain keeps, of which half are after the warmup. A chain of very many rows
#: keeps fewer: at most `ENTRIES` assignments of rows. All divide `FIRST`.
KEPT = (500, 250, 100, 50, 20, 10)
ENTRIES = 2 * 10**7


def table_settings(partition_prior: str = "dp") -> dict[str, Any]:
    """Return the settings of chains that fit a table of answers, without their sweeps.

    Plain Gibbs sampling mixes on such data, and split-merge proposals only cost time. Under "mfm",
    which estimates the number of clusters, chains need many more sweeps: they rarely open a new
    cluster.
    """
    moves = ["assign", "feature_priors"]
    return {
        "initial": "seeded",
        "initial_clusters": 20,
        "annealing": ANNEALING,
        "partition_prior": partition_prior,
        "moves": moves if partition_prior == "mfm" else [*moves, "concentration"],
    }


def rounds(rows: int, features: int) -> list[tuple[int, int]]:
    """Return the sweeps of a chain after each round, and the setting `thin` of the round.

    Chains of data so large that they exceed the work in the first round have one short round.

    Parameters
    ----------
    rows, features : int

    Returns
    -------
    rounds : list of (sweeps, thin)
        In ascending order, at least one. Each `thin` is a multiple of the one before.
    """
    most = min(MOST, max(WORK // (rows * features), KEPT[-1]))
    kept = next((kept for kept in KEPT if kept * rows <= ENTRIES), KEPT[-1])
    if most < FIRST:
        return [(most, max(1, most // kept))]
    doublings = (most // FIRST).bit_length()
    return [(FIRST << doubling, (FIRST << doubling) // kept) for doubling in range(doublings)]


def annealing_within(sweeps: int, annealing: int) -> int:
    """Return how many sweeps of the first round are annealed, given the setting `annealing`.

    A round of fewer than 2,000 sweeps anneals at most a quarter of them, and none if it has fewer
    than 100.
    """
    if sweeps >= FIRST:
        return annealing
    return min(annealing, sweeps // 4) if sweeps >= FEWEST_ANNEALED else 0
