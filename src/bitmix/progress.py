"""Progress of long computations: a bar where someone looks, lines in the log elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from tqdm import tqdm

logger = logging.getLogger("bitmix")

#: Seconds between two lines of the log
LOG_INTERVAL = 5.0

Progress = Literal[None, False, "bar", "log"]


@contextmanager
def progress_of(progress: Progress, total: int, unit: str) -> Iterator[Callable[[str], None]]:
    """Report progress while the block runs.

    Parameters
    ----------
    progress : {None, False, "bar", "log"}
        "bar" is a bar on the standard error stream, "log" a line of the log every few seconds (a
        bar would flood a file), False nothing. None is a bar in a terminal or notebook, else
        nothing.
    total : int
        Steps to be made.
    unit : str
        Name of a step.

    Yields
    ------
    step : callable
        To be called after each step with a short note on the state; safe in threads.
    """
    if progress not in (None, False, "bar", "log"):
        raise ValueError(f"progress is {progress!r}; allowed are None, False, 'bar' and 'log'")
    if progress is None:
        progress = "bar" if _someone_looks() else False
    if progress == "log":
        yield _log_steps(total, unit)
        return
    with tqdm(total=total, unit=unit, disable=not progress, file=sys.stderr) as bar:

        def step(note: str) -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update()

        yield step


def _log_steps(total: int, unit: str) -> Callable[[str], None]:
    start = last = time.monotonic()
    done = 0

    def step(note: str) -> None:
        nonlocal done, last
        done += 1
        now = time.monotonic()
        if now - last < LOG_INTERVAL and done < total:
            return
        last = now
        left = (now - start) * (total - done) / done
        logger.info("%s %d of %d, %s, %.0f s left", unit, done, total, note, left)

    return step


def _someone_looks() -> bool:
    kernel = sys.modules.get("ipykernel.kernelapp")
    in_notebook = kernel is not None and kernel.IPKernelApp.initialized()
    return in_notebook or sys.stderr.isatty()
