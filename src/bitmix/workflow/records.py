"""What Snakemake recorded of the jobs that made the files of a run.

Snakemake keeps one record for each output, in `.snakemake/metadata`. It tells the last job that
made the file, whether today's command ran that job or an earlier one.
"""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METADATA = Path(".snakemake/metadata")

Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A job of Snakemake: its rule and name, its command, its files, and when it ran."""

    rule: str
    name: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    start: float
    end: float


def read_jobs(folder: str | Path) -> list[Job]:
    """Return the jobs that made the files in a folder, in the order of their starts.

    Jobs without a complete record are left out.

    Parameters
    ----------
    folder : path-like
        The folder of a run, relative to the folder in which Snakemake runs, the current one.
    """
    jobs: dict[str, list[tuple[str, Record]]] = {}
    for path in sorted(Path(folder).rglob("*")):
        if (record := _read_record(str(path))) and record["endtime"] and not record["incomplete"]:
            jobs.setdefault(record["log"][-1], []).append((str(path), record))
    return sorted((_job(log, made) for log, made in jobs.items()), key=lambda job: job.start)


def _job(log: str, made: Sequence[tuple[str, Record]]) -> Job:
    """Return a job, given its last log, and its outputs with their records."""
    _, record = made[0]
    return Job(
        rule=record["rule"],
        name=Path(log).stem,
        command=" ".join((record["shellcmd"] or "").split()),
        inputs=tuple(record["input"]),
        outputs=tuple(output for output, _ in made),
        start=min(of_file["starttime"] for _, of_file in made),
        end=max(of_file["endtime"] for _, of_file in made),
    )


def _read_record(output: str) -> Record | None:
    """Return the record of an output, or None if there is none or it is damaged.

    Its path is that of the output in Base64. All parts of a long one but the last are folders that
    begin with @.
    """
    name = urlsafe_b64encode(output.encode()).decode()
    size = _longest_name() - 1
    *folders, last = (name[start : start + size] for start in range(0, len(name), size))
    try:
        return json.loads(Path(METADATA, *(f"@{part}" for part in folders), last).read_bytes())
    except (OSError, ValueError):
        return None


def _longest_name() -> int:
    """Return how long a name in the folder of the records may be, as Snakemake finds out."""
    return (os.pathconf(METADATA, "PC_NAME_MAX") if METADATA.exists() else 0) or 255
