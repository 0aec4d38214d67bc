"""What Snakemake recorded of jobs, read from its own files."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.persistence.file import FilePersistence

from bitmix.workflow.records import METADATA, Job, read_jobs

RECORD = {
    "rule": "chain",
    "log": ["run/logs/chain-0.txt"],
    "shellcmd": "\npython -m x \\\n  2> log\n",
    "input": ["run/data.npz"],
    "starttime": 5.0,
    "endtime": 7.5,
    "incomplete": False,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    METADATA.mkdir(parents=True)


def make(output, **changes):
    """Write an output and its record, where Snakemake would."""
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).touch()
    snakemake = SimpleNamespace(_max_len=255, _fetch_max_len=lambda _: 255)
    path = Path(FilePersistence._record_path(snakemake, str(METADATA), output))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**RECORD, **changes}))
    return path


@pytest.mark.parametrize("folders", [1, 3, 6])
def test_long_names(folders):
    output = "/".join(["run", *["f" * 100] * folders, "0.pkl"])
    make(output)
    job = Job("chain", "chain-0", "python -m x \\ 2> log", ("run/data.npz",), (output,), 5.0, 7.5)
    assert read_jobs("run") == [job]


def test_jobs_are_put_together_and_in_the_order_of_their_starts():
    make("run/a", log=["run/logs/late.txt"], starttime=6.0)
    make("run/b")
    make("run/c", endtime=8.0)
    make("other/d")
    assert [(job.outputs, job.end) for job in read_jobs("run")] == [
        (("run/b", "run/c"), 8.0), (("run/a",), 7.5),
    ]  # fmt: skip


def test_jobs_without_a_whole_record_are_left_out():
    make("run/a", incomplete=True)
    make("run/b", endtime=None)
    path = make("run/c")
    path.write_text(path.read_text()[:50])
    Path("run/d").touch()
    assert read_jobs("run") == []
