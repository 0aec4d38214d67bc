"""The batch jobs: the data of a run, each of its chains, the density of a data set.

    python -m bitmix.workflow.jobs data data_file=data.npz source=csv file=mine.csv seed=1

A job is a function in `JOBS`. Each argument of the command is one of its parameters, with a value
in JSON or as text.
"""

import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bitmix import density
from bitmix.chains import save_latents
from bitmix.data import DataError, debd, load_dataset, load_debd, save_dataset, shuffle, sources
from bitmix.io import write_json
from bitmix.sampling import sample_chain
from bitmix.sampling.checkpoints import CheckpointTaken

#: Errors of users, data and machines. Their messages help more than a traceback.
EXPECTED = (CheckpointTaken, DataError, MemoryError, OSError, ValueError)


def write_data(data_file: str, *, seed: int, limit: int | None = None, **source: Any) -> None:
    """Read or fetch the data of a run, shuffle them and write them to a file.

    Parameters
    ----------
    data_file : str
        The file to write, for `bitmix.data.load_dataset`.
    seed : int
        The seed of the shuffle.
    limit : int, optional
        The number of rows to keep after the shuffle; all by default.
    **source
        The parameters of `bitmix.data.sources.load`.
    """
    dataset, _ = sources.load(**source)
    save_dataset(data_file, shuffle(dataset, seed).first(limit))


def write_chain(data_file: str, chain_file: str, *, chain: int, **settings: Any) -> None:
    """Sample one chain and write its latent to a file.

    Parameters
    ----------
    data_file : str
        A file that `write_data` wrote.
    chain_file : str
        The file to write, for `bitmix.load_latents`.
    chain : int
        The number of the chain.
    **settings
        The seed, the settings and the checkpoint folder, for `bitmix.sample_chain`.
    """
    logging.getLogger("bitmix").setLevel(logging.INFO)
    dataset = load_dataset(data_file)
    latent = sample_chain(dataset.x, chain, observed=dataset.observed, progress=True, **settings)
    save_latents(chain_file, latent)


def write_density(result_file: str, *, name: str, folder: str | None, **settings: Any) -> None:
    """Estimate the density of a set of DEBD and write its scores as JSON.

    Parameters
    ----------
    result_file : str
        The file to write, for `bitmix.density.report`.
    name : str
        The set.
    folder : str, optional
        The folder with its files, for `bitmix.data.load_debd`.
    **settings
        The settings, for `bitmix.density.Settings`.
    """
    log = logging.getLogger("bitmix")
    log.setLevel(logging.INFO)
    rows = {part: load_debd(name, part, folder=folder).x for part in debd.SPLITS}
    result = density.estimate(density.Split(**rows), density.Settings(**settings), log.info)
    write_json(result_file, {"settings": settings, **result})


JOBS: dict[str, Callable[..., None]] = {
    "data": write_data,
    "chain": write_chain,
    "density": write_density,
}


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments name; return the exit code."""
    job, *given = arguments
    parameters = dict(_parameter(argument) for argument in given)
    name = f"{job} {parameters['chain']}" if "chain" in parameters else job
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.captureWarnings(True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a chain saves its state
    try:
        JOBS[job](**parameters)
    except EXPECTED as error:
        print(f"{name}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 0


def _parameter(argument: str) -> tuple[str, Any]:
    name, _, text = argument.partition("=")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
