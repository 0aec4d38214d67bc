"""The batch jobs of the workflow: all but the notebooks.

    python -m bitmix.workflow.jobs data data_file=data.npz source=csv file=mine.csv seed=1

A job is a function in `JOBS`. Each argument of the command is one of its parameters, with a value
in JSON or as text. The last line on standard error says why a job failed.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bitmix import density
from bitmix.chains import load_latents, save_latents
from bitmix.data import (
    DataError,
    debd,
    load_dataset,
    load_debd,
    new_rows,
    save_dataset,
    shuffle,
    sources,
)
from bitmix.explorer import write_page
from bitmix.io import read_sealed_json, write_sealed_json
from bitmix.sampling import sample_chain
from bitmix.sampling.checkpoints import CheckpointTaken
from bitmix.workflow import checks, crate, grids, messages, summary
from bitmix.workflow.times import write_times

#: Errors of users, data and machines. Their messages help more than a traceback.
EXPECTED = (checks.CheckError, CheckpointTaken, DataError, MemoryError, OSError, ValueError)
#: What follows the name of a job, and comes before the reason.
FAILED = " failed: "
# Seconds that a job has to end after a signal. A chain saves its last sweep meanwhile.
_PATIENCE = 1.2


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
    logging.getLogger("bitmix").setLevel(logging.INFO)  # which level is 1
    dataset, _ = sources.load(**source)
    save_dataset(data_file, shuffle(dataset, seed).first(limit))


def write_chain(
    data_file: str, chain_file: str, times_file: str, *, chain: int, **settings: Any
) -> None:
    """Sample one chain and write its latent to a file, and its times to another.

    Parameters
    ----------
    data_file : str
        A file that `write_data` wrote.
    chain_file : str
        The file to write, for `bitmix.load_latents`.
    times_file : str
        The file to write, for `bitmix.workflow.times.read_seconds`.
    chain : int
        The number of the chain.
    **settings
        The seed, the settings and the checkpoint folder, for `bitmix.sample_chain`.
    """
    logging.getLogger("bitmix").setLevel(logging.INFO)
    dataset = load_dataset(data_file)
    latent = sample_chain(dataset.x, chain, observed=dataset.observed, progress=True, **settings)
    write_times(times_file, latent)
    save_latents(chain_file, latent)


def write_chains(
    data_file: str,
    chain_files: Sequence[str],
    times_files: Sequence[str],
    *,
    chains: int,
    **settings: Any,
) -> None:
    """Sample the chains of a run until they have mixed; write their latents and times to files.

    Parameters
    ----------
    data_file : str
        A file that `write_data` wrote.
    chain_files : sequence of str
        The file of each chain, for `bitmix.load_latents`.
    times_files : sequence of str
        The file of each chain, for `bitmix.workflow.times.read_seconds`.
    chains : int
        The number of chains.
    **settings
        The seed, the settings, the threads and the checkpoint folder, for
        `bitmix.sample_until_mixed`.
    """
    from bitmix.automatic.until import sample_until_mixed  # slow to import

    logging.getLogger("bitmix").setLevel(logging.INFO)
    dataset = load_dataset(data_file)
    latents, _ = sample_until_mixed(
        dataset.x, observed=dataset.observed, chains=chains, progress=True, **settings
    )
    for file, times_file, latent in zip(chain_files, times_files, latents, strict=True):
        write_times(times_file, latent)
        save_latents(file, latent)


def print_scores(files: list[str], table_file: str) -> None:
    """Print the scores of evaluations, see `messages.print_tables`."""
    from bitmix import evaluation  # with libraries that take seconds to import

    messages.print_tables(
        files, table_file, lambda f: evaluation.results_table(read_sealed_json(f))
    )


def write_explorer(data_file: str, chain_files: Sequence[str], explorer_file: str) -> None:
    """Write the explorer of a run, one HTML file.

    Parameters
    ----------
    data_file : str
        A file that `write_data` wrote.
    chain_files : sequence of str
        Files that `write_chain` wrote.
    explorer_file : str
        The file to write. The name of its folder is the title.
    """
    latents = [load_latents(file) for file in chain_files]
    title = Path(explorer_file).resolve().parent.name
    write_page(explorer_file, load_dataset(data_file), latents, title)


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
    write_sealed_json(result_file, {"settings": settings, **result})


def write_classified(
    data_file: str, chain_files: Sequence[str], new_file: str, table_file: str, *, seed: int
) -> None:
    """Write the classes of new rows to a CSV file, in the order and with the ids of their file.

    Parameters
    ----------
    data_file : str
        The rows in which the classes were found.
    chain_files : sequence of str
        The chains of these rows.
    new_file : str
        A CSV file with the same columns, see `bitmix.data.new_rows`.
    table_file : str
        The file to write.
    seed : int
        The seed of the run, which makes the classes those of its other tables.
    """
    from bitmix import classes  # slow to import

    dataset = load_dataset(data_file)
    rows = new_rows(new_file, dataset)
    latents = [load_latents(file) for file in chain_files]
    found = classes.find_classes(latents, dataset.x, dataset.observed, seed=seed)
    probabilities = classes.classify(found, rows.x, rows.observed)
    classes.write_table(table_file, classes.member_table(probabilities, classes.row_index(rows)))


JOBS: dict[str, Callable[..., None]] = {
    "data": write_data,
    "chain": write_chain,
    "chains": write_chains,
    "classified": write_classified,
    "summary": summary.write_summary,
    "crate": crate.write_crate,
    "check": checks.check,
    "table": messages.print_tables,
    "scores": print_scores,
    "grid": grids.write_comparison,
    "explore": write_explorer,
    "density": write_density,
}


def main(arguments: Sequence[str]) -> int:
    """Run the job that the arguments name; return the exit code."""
    job, *given = arguments
    parameters = dict(parameter(argument) for argument in given)
    name = f"{job} {parameters['chain']}" if "chain" in parameters else job
    # In the workflow, the log gets the standard error stream and the screen the output.
    streams = {sys.stderr} if sys.stderr.isatty() else {sys.stdout, sys.stderr}
    handlers = [logging.StreamHandler(stream) for stream in streams]
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, handlers=handlers)
    logging.captureWarnings(True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        JOBS[job](**parameters)
    except EXPECTED as error:
        print(f"{name}{FAILED}{error or type(error).__name__}", file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        print(f"{name}: interrupted", file=sys.stderr)
        return interrupted.exit_code
    return 0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, with the exit code that tells which."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.exit_code = 128 + signum


def _stop(signum: int, _: Any) -> None:
    """Handle a signal: let the job end by itself, but not for long.

    A sweep cannot be interrupted. After a long one, the last checkpoint stays.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    timer = threading.Timer(_PATIENCE, os._exit, [128 + signum])
    timer.daemon = True
    timer.start()
    raise Interrupted(signum)


def parameter(argument: str) -> tuple[str, Any]:
    name, _, text = argument.partition("=")
    try:
        return name, json.loads(text)
    except (RecursionError, ValueError):
        return name, text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
