"""Progress of long computations: a bar where someone looks, lines in the log elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from tqdm import tqdm

logger = logging.getLogger("bitmix")

#: Seconds between two lines of the log
LOG_INTERVAL = 5.0

Progress = Literal[None, False, "bar", "log"]


class Steps(Protocol):
    """Steps that are reported while they are made; safe in threads."""

    def step(self, note: str) -> None:
        """Report one step more, with a short note on the state."""

    def skip(self, steps: int) -> None:
        """Count steps that were made before, by an earlier process."""


@contextmanager
def progress_of(progress: Progress, total: int, unit: str) -> Iterator[Steps]:
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
    steps : Steps
    """
    if progress not in (None, False, "bar", "log"):
        raise ValueError(f"progress is {progress!r}; allowed are None, False, 'bar' and 'log'")
    if progress is None:
        progress = "bar" if _someone_looks() else False
    if progress == "log":
        yield _Log(total, unit)
        return
    with tqdm(total=total, unit=unit, disable=not progress, file=sys.stderr) as bar:
        yield _Bar(bar)
    sys.stderr.flush()  # or the bar's last newline comes after what is printed next


class _Bar:
    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def step(self, note: str) -> None:
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update()

    def skip(self, steps: int) -> None:
        if not self.bar.disable:
            self.bar.initial += steps  # which the rate leaves out
            self.bar.n += steps
            self.bar.refresh()


class _Log:
    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit = total, unit
        self.start = self.last = time.monotonic()
        self.done = self.skipped = 0

    def step(self, note: str) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.last < LOG_INTERVAL and self.done < self.total:
            return
        self.last = now
        left = (now - self.start) * (self.total - self.done) / (self.done - self.skipped)
        progress = f"{self.unit} {self.done} of {self.total}"
        logger.info("%s, %s, %.0f s left", progress, note, left)

    def skip(self, steps: int) -> None:
        self.skipped += steps
        self.done += steps


def _someone_looks() -> bool:
    kernel = sys.modules.get("ipykernel.kernelapp")
    in_notebook = kernel is not None and kernel.IPKernelApp.initialized()
    return in_notebook or sys.stderr.isatty()
