"""The times of chains, in files of their own, because they differ from run to run."""

import math
from pathlib import Path

from bitmix.chains import Latent
from bitmix.io import finite, read_sealed_json, write_sealed_json


def write_times(path: str | Path, latent: Latent) -> None:
    """Write the seconds of each sweep and move of a chain; null where they are not known.

    They are not known for the sweeps of an earlier process, from whose checkpoint the chain
    continued.
    """
    times = {name: x.tolist() for name, x in latent.trace.items() if name.endswith("seconds")}
    write_sealed_json(path, finite(times))


def read_seconds(folder: str | Path, chain: int) -> float:
    """Return the seconds that all sweeps of a chain took, or nan if some are not known.

    Parameters
    ----------
    folder : path-like
        The folder of the run.
    chain : int
        The number of the chain.
    """
    times = read_sealed_json(Path(folder, f"benchmarks/chain-{chain}.json"))["seconds"]
    return math.nan if None in times else math.fsum(times)
