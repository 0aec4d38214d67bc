"""Progress of long computations: a bar where you can see it, lines in the log elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tqdm.std import tqdm

logger = logging.getLogger("bitmix")

#: Seconds between two lines of the log
LOG_INTERVAL = 5.0
#: Seconds before a bar appears. Most runs of the study end sooner.
DELAY = 0.5


class Steps(Protocol):
    """Steps that are reported while they are made. Threads may share them."""

    def step(self, note: str) -> None:
        """Report one more step, with a short note on the state."""

    def skip(self, steps: int) -> None:
        """Count steps that an earlier process made."""


@contextmanager
def report_progress(progress: bool | None, total: int, unit: str) -> Iterator[Steps]:
    """Report progress while the block runs.

    Parameters
    ----------
    progress : bool or None
        None shows a bar in a terminal or notebook and nothing elsewhere. True writes a line to the
        log every few seconds where nobody sees a bar. False shows nothing.
    total : int
        The number of steps.
    unit : str
        The name of a step.

    Yields
    ------
    steps : Steps

    Raises
    ------
    ValueError
        If `progress` is something else.
    """
    if progress not in (None, False, True):
        raise ValueError(f"progress is {progress!r}, allowed are None, True and False")
    visible = _is_visible()
    if progress and not visible:
        yield _Log(total, unit)
        return
    shown = visible and progress is not False
    kind = _widget() if shown and _kernel() else tqdm
    with kind(total=total, unit=unit, disable=not shown, delay=DELAY, file=sys.stderr) as bar:
        yield _Bar(bar)
    sys.stderr.flush()  # otherwise the bar's last newline would follow the next output


class _Bar:
    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def step(self, note: str) -> None:
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update()

    def skip(self, steps: int) -> None:
        if steps and not self.bar.disable:
            self.bar.initial += steps  # the rate leaves them out
            self.bar.n += steps
            if time.time() >= self.bar.start_t + DELAY:  # else a short run would leave it so
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


def _is_visible() -> bool:
    """Return whether a person sees a bar: in a terminal, or in a notebook that they opened.

    Programs that run notebooks, such as papermill, allow no input.
    """
    kernel = _kernel()
    return sys.stderr.isatty() if kernel is None else kernel._allow_stdin


def _kernel() -> Any:
    """Return the kernel of the notebook in which this runs, or None."""
    module = sys.modules.get("ipykernel.kernelapp")
    if module is None or not module.IPKernelApp.initialized():
        return None
    return module.IPKernelApp.instance().kernel


def _widget() -> type[tqdm]:
    """Return the bar that notebooks draw. Without ipywidgets it is a line of text."""
    from tqdm.auto import tqdm as bar  # slow to import in a notebook

    return bar
