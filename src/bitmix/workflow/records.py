"""What Snakemake recorded of the jobs that made the files of a run.

Snakemake keeps one record for each output, in `.snakemake/metadata`. It tells the last job that
made the file, whether today's command ran that job or an earlier one.
"""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METADATA = Path(".snakemake/metadata")


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


def read_jobs(folder: str | Path, metadata: Path = METADATA) -> list[Job]:
    """Return the jobs that made the files in a folder, in the order of their starts.

    Jobs without a complete record are left out.

    Parameters
    ----------
    folder : path-like
        The folder of a run, relative to the folder in which Snakemake runs.
    metadata : Path
        Where Snakemake keeps its records.
    """
    jobs: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for output, file in sorted(_records(metadata)):
        if Path(folder) in Path(output).parents and Path(output).exists():
            record = json.loads(file.read_bytes())
            if record["endtime"] and not record["incomplete"]:
                jobs.setdefault(record["log"][-1], []).append((output, record))
    return sorted((_job(log, of_job) for log, of_job in jobs.items()), key=lambda job: job.start)


def _job(log: str, records: list[tuple[str, dict[str, Any]]]) -> Job:
    _, record = records[0]
    return Job(
        rule=record["rule"],
        name=Path(log).stem,
        command=_one_line(record["shellcmd"]),
        inputs=tuple(record["input"]),
        outputs=tuple(output for output, _ in records),
        start=min(of_file["starttime"] for _, of_file in records),
        end=max(of_file["endtime"] for _, of_file in records),
    )


def _one_line(command: str | None) -> str:
    return " ".join((command or "").split())


def _records(metadata: Path) -> Iterator[tuple[str, Path]]:
    """Return the outputs that have a record, with the files of the records.

    The path of a record is that of the output in Base64. Parts of a long one are folders that begin
    with @.
    """
    for file in _files(metadata):
        encoded = "".join(part.removeprefix("@") for part in file.relative_to(metadata).parts)
        yield os.fsdecode(urlsafe_b64decode(encoded)), file


def _files(folder: Path) -> Iterable[Path]:
    return (file for file in folder.rglob("*") if file.is_file())
