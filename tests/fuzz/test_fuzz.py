"""A small share of the hostile files that `make fuzz` gives to the readers of bitmix."""

import json
import logging
import subprocess
import tracemalloc
from random import Random

import pytest
from fuzz import run, targets, watch

from bitmix.workflow import jobs, runs

LEAST = 40  # files of each target


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return targets.targets(tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def traced(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    logging.disable()
    tracemalloc.start()
    yield tmp_path
    tracemalloc.stop()
    logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore")
def test_hostile_files_are_refused_or_read(everything, traced):
    assert sum(target.share for target in everything.values()) == 1000
    outcomes = set()
    for name, target in everything.items():
        for number in range(max(LEAST, target.share)):
            outcome, wrong = run.strike(name, target, number, traced)
            assert wrong is None, f"{name} {number}: {wrong}"
            outcomes.add((name, outcome))
    assert not list(traced.glob("executed*"))
    refusing = {name for name, target in everything.items() if target.errors}
    assert {name for name, outcome in outcomes if outcome == "refused"} == refusing


@pytest.mark.parametrize(
    "code",
    [
        "open('executed', 'w')",
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('os').mkdir('executed')",
        "exec('1')",
    ],
)
def test_the_watch_sees_what_is_executed(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(watch.Executed):
        watch.watched(lambda path: eval(code), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_watch_sees_what_is_allocated(traced):
    watch.watched(lambda path: bytearray(50 << 20), traced)
    assert watch.watched.peak >= 50 << 20


def test_a_shell_takes_hostile_texts_as_they_are(tmp_path):
    """Bash gets the arguments of jobs and notebooks as it gets them from Snakemake."""
    random = Random(1)
    values = [json.loads(targets.texts(random)) for _ in range(300)]
    forms = [runs.for_job("file", value) for value in values]
    forms += [runs.for_notebook("values", [value]) for value in values]
    script = "".join(f"printf '%s\\0' {form}\n" for form in forms)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert done.stderr == b"" and not list(tmp_path.iterdir())
    told = done.stdout.decode().split("\0")
    assert [jobs.parameter(text) for text in told[:300]] == [("file", value) for value in values]
    assert told[300:-1:2] == ["-y"] * 300
    found = [targets.yaml.safe_load(text) for text in told[301::2]]
    assert found == [{"values": [value]} for value in values]
