"""What Snakemake shows on the screen, and how it stops.

Snakemake's own messages for programmers stay in its log, .snakemake/log. The screen shows which job
runs and how far the run is. After a failure, the last lines say what is wrong and what to do. With
`--verbose`, Snakemake shows everything.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from snakemake.exceptions import WorkflowError
from snakemake.logging import LogEvent, logger

from bitmix.workflow import slurm
from bitmix.workflow.jobs import FAILED

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

#: The last line after Ctrl-C or SIGTERM.
INTERRUPTED = "interrupted: chains are saved, the same command continues"
LOCKED = (
    "this folder is locked: another snakemake works in it; wait until it has finished, or stop it"
)
# Seconds that jobs have to end by themselves. Chains save their last sweep meanwhile.
_PATIENCE = 1.5

_ANSWERS = (
    *("Nothing to be done", "your workflow is in a good condition"),
    "Creating conda environment",  # takes minutes
)
_SHOWN = (LogEvent.JOB_INFO, LogEvent.GROUP_INFO, LogEvent.PROGRESS, LogEvent.SHELLCMD)
_TRACEBACK = re.compile(
    r'^  File ".*", line \d+|^\w+ in file ".*", line \d+:?$|^\w+(Exception|Error):$'
)
_AROUND = re.compile(r"^[\w ]+( failed)?: | \(traceback in .*\)$")
_FIRST = "Assuming unrestricted shared filesystem"  # the first line of a run
_UNKNOWN = re.compile(r"No rule to produce (\S+) ")
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


class Console(logging.Filter):
    """The filter of what Snakemake shows, which remembers the reasons of failures.

    Parameters
    ----------
    dry_run : bool
        Whether Snakemake only lists what it would do. Then it shows all but errors as usual.
    """

    def __init__(self, dry_run: bool) -> None:
        super().__init__()
        self.dry_run = dry_run
        self.executing = False
        self.reasons: list[str] = []
        self.signal: int | None = None
        self._running: set[int] = set()
        self._grouped: set[int] = set()  # jobs that are told with their group

    def filter(self, record: logging.LogRecord) -> bool:
        event = getattr(record, "event", None)
        self._count(event, record)
        if event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            self._note_failure(event, record)
            return False
        if event == LogEvent.ERROR:
            return self._is_new(record)
        if record.levelno >= logging.ERROR:
            return False  # what comes of an error that was told
        if record.levelno >= logging.WARNING or not self.executing or self.dry_run:
            return True
        return event in _SHOWN or any(answer in record.getMessage() for answer in _ANSWERS)

    def _note_failure(self, event: LogEvent, record: Any) -> None:
        """Note why a job or a group of jobs failed. Snakemake then tells each job of a group."""
        if event == LogEvent.GROUP_ERROR:
            jobs = record.job_error_info
            self._grouped.update(job["jobid"] for job in jobs)
            self.note(reason_of_group([job["log"] for job in jobs], record.aux_logs))
        elif record.jobid not in self._grouped:
            self.note(reason_in(record.log))

    def _is_new(self, record: logging.LogRecord) -> bool:
        """Return whether to show an exception: only if nobody foresaw it."""
        text = record.getMessage()
        if "Traceback (most recent call last)" in text and not self.signal:
            return True
        # The reason of a failed command is in its log.
        if not (self.reasons or "CalledProcessError" in text or "At least one job" in text):
            self.note(
                LOCKED if getattr(record, "exception", "") == "LockException" else _plain(text)
            )
        return False

    def failure(self, reason: object) -> WorkflowError:
        """Return an exception to raise in the Snakefile. The last words are its reason."""
        self.note(str(reason))
        return WorkflowError(str(reason))

    def note(self, reason: str) -> None:
        """Remember why the run fails. Tell it at once if other jobs go on."""
        # A notebook may fail for the same reason as a job, and says it in other words around.
        core = _AROUND.sub("", reason)
        if core and not any(core in told for told in self.reasons):
            self.reasons.append(reason)
            if self._running and not self.signal:
                print(f"{reason}\nwaiting for the jobs that still run", file=sys.stderr, flush=True)

    def _count(self, event: LogEvent | None, record: Any) -> None:
        """Keep account of whether and which jobs run."""
        # Not with --lint, --summary and the like.
        if event == LogEvent.WORKFLOW_STARTED or _FIRST in record.getMessage():
            self.executing = True
        elif event == LogEvent.JOB_STARTED:
            self._running.update(record.jobs)
        elif event == LogEvent.JOB_FINISHED:
            self._running.discard(record.job_id)
        elif event == LogEvent.JOB_ERROR:
            self._running.discard(record.jobid)

    def close(self) -> None:
        """Say the last words; after a signal, end the process with its exit code."""
        lines = [INTERRUPTED] if self.signal else self.reasons
        sys.stdout.flush()
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()
        if self.signal:
            os._exit(128 + self.signal)  # Snakemake's own code would be 1

    def stop(self, signum: int, _: Any) -> None:
        """Handle a signal: end all jobs, then Snakemake."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.signal = signum
        end_children(_PATIENCE)
        raise SystemExit(128 + signum)  # which Snakemake handles like Ctrl-C

    def catch_signals(self) -> None:
        """Handle Ctrl-C and SIGTERM, which Snakemake would let its jobs outlive."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)


def open_console(workflow: Workflow) -> Console:
    """Take over the screen and the signals from Snakemake, until the process ends."""
    console = Console(workflow.output_settings.dryrun)
    if not workflow.is_main_process:  # Snakemake in a job on a cluster
        return console
    if logger.getEffectiveLevel() > logging.DEBUG:  # not --verbose
        for handler in logger.handlers:
            if handler.name == "DefaultStreamHandler":
                handler.filters.insert(0, console)  # Snakemake's own filter hides some records
    console.catch_signals()
    atexit.register(console.close)
    return console


def end_children(patience: float) -> None:
    """Ask all processes that this one started to end; kill those that have not after some seconds.

    They are not waited for, as Snakemake does that.
    """
    # Those whose parent ended first are no children any more, so all that were seen are kept.
    seen: set[psutil.Process] = set()
    deadline = time.monotonic() + patience
    while True:
        new = set(psutil.Process().children(recursive=True)) - seen
        seen |= new
        _send(new, signal.SIGTERM)
        alive = list(filter(_alive, seen))
        if not alive or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    _send(alive, signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def reason_in(logs: Sequence[str | Path]) -> str:
    """Return why a job failed, given its logs: a text, and for notebooks the executed notebook.

    On a cluster, the output of SLURM's job follows.
    """
    text = next((Path(log) for log in logs if Path(log).suffix != ".ipynb"), None)
    if text is None:
        return ""
    lines = _lines(text)
    where = next((log for log in logs if Path(log).suffix == ".ipynb"), text)
    if said := _last_words(lines) or slurm.why_ended(logs):
        return said
    if not lines:
        where = next((log for log in logs if Path(log).suffix == ".log"), where)  # of SLURM
        return f"a job was killed, perhaps for lack of memory; its log is {where}"
    return f"{lines[-1]} (traceback in {where})"


def reason_of_group(logs: Sequence[Sequence[str | Path]], slurm_logs: Sequence[str | Path]) -> str:
    """Return why one of several jobs failed that are one job of SLURM, given all their logs."""
    texts = [_lines(Path(log)) for job in logs for log in job if Path(log).suffix != ".ipynb"]
    said = next(filter(None, map(_last_words, texts)), "") or slurm.why_ended(slurm_logs)
    return said or f"a job failed; its log is {', '.join(map(str, slurm_logs))}"


def _lines(log: Path) -> list[str]:
    try:
        lines = _COLOURS.sub("", log.read_text(errors="replace")).split("\n")
    except OSError:
        return []
    return [line.rstrip() for line in lines if line.strip()]


def _last_words(lines: Sequence[str]) -> str:
    """Return what a job of bitmix said when it failed, or an empty text."""
    for number in reversed(range(len(lines))):
        if FAILED in lines[number]:
            return "\n".join(lines[number:])
    return ""


def _plain(text: str) -> str:
    """Return the message of an exception of Snakemake without the places in its code."""
    if target := _UNKNOWN.search(text):
        return f"{target[1]} is no run and no file of a run; config/config.yaml has the runs"
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    return "\n".join(line for line in lines if not _TRACEBACK.match(line)) or text
