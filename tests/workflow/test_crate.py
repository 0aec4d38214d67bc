"""The provenance of a run: its crate, and the comparison of two crates."""

import re
import shutil
import subprocess
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from bitmix.io import read_json, read_sealed_json, write_json
from bitmix.workflow import crate, provenance
from bitmix.workflow.environment import environment
from bitmix.workflow.records import read_jobs

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / ".venv/crate/bin/python"


@pytest.fixture(scope="module")
def run(finished):
    return finished.folder / "results/small"


@pytest.fixture(scope="module")
def entities(run):
    graph = read_json(run / crate.NAME)["@graph"]
    assert len({entity["@id"] for entity in graph}) == len(graph)
    return {entity["@id"]: entity for entity in graph}


@pytest.fixture
def copy(finished, tmp_path):
    """Return a copy of the run that a test may change."""
    return finished.copy(tmp_path / "copy").folder / "results/small"


def referred(value):
    """Return the identities to which an entity refers."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item["@id"]


def identities(references):
    return [reference["@id"] for reference in references]


def validate(folder):
    command = [VALIDATOR, Path(__file__).with_name("validate.py"), folder]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_validator_finds_no_error(copy):
    checks, errors = map(int, re.match(r"(\d+) checks, (\d+) errors", validate(copy)).groups())
    assert (checks > 50, errors) == (True, 0)
    metadata = read_json(copy / crate.NAME)
    graph = [entity for entity in metadata["@graph"] if entity["@id"] != crate.RUN]
    write_json(copy / crate.NAME, {**metadata, "@graph": graph})
    assert "MUST" in validate(copy)


def test_every_reference_has_its_entity(entities):
    known = {*entities, "./", "https://w3id.org/ro/crate/1.1"}
    for entity in entities.values():
        for value in entity.values():
            assert set(referred(value)) <= known, entity["@id"]


def test_every_result_is_described(run, entities):
    files = {str(file.relative_to(run)) for file in run.rglob("[!.]*") if file.is_file()}
    left_out = {crate.NAME, "logs/crate.txt", "checkpoints/0.pkl", "checkpoints/1.pkl"}
    described = provenance.read_files(run / crate.NAME)
    assert described.keys() == files - left_out
    assert sorted(identities(entities["./"]["hasPart"])) == sorted(described)
    for name, expected in described.items():
        content = (run / name).read_bytes()
        assert sha256(content).hexdigest() == expected
        assert entities[name]["contentSize"] == str(len(content))


def test_each_job_has_its_inputs_and_outputs(finished, run, entities):
    action = entities["#job/chain-1"]
    assert identities(action["result"]) == ["benchmarks/chain-1.json", "chains/1.pkl"]
    inputs = identities(action["object"])
    assert inputs[0] == "data.npz" and "#outside/src/bitmix/kernel/sweep.pyx" in inputs
    code = (finished.folder / "src/bitmix/kernel/sweep.pyx").read_bytes()
    found = entities["#outside/src/bitmix/kernel/sweep.pyx"]["sha256"]
    assert found == sha256(code).hexdigest()
    assert "chain_file=results/small/chains/1.pkl" in action["description"]
    assert "figures/clusters/chain-0.png" in identities(entities["#job/03-clusters"]["result"])
    outputs = {name for e in entities.values() for name in referred(e.get("result", []))}
    results = {name for name in provenance.read_files(run / crate.NAME) if "." in name}
    made_by_no_job = ("logs/", "benchmarks/", "workflow/")
    assert {name for name in results if not name.startswith(made_by_no_job)} <= outputs


def test_each_job_has_its_times(entities):
    times = {
        name: [datetime.fromisoformat(entities[name][key]) for key in ("startTime", "endTime")]
        for name in ("#job/data", "#job/chain-0", "#job/summary", crate.RUN)
    }
    for start, end in times.values():
        assert start < end
        assert start.utcoffset().total_seconds() == 0
    assert times["#job/data"][1] <= times["#job/chain-0"][0]
    ends = [one["endTime"] for name, one in entities.items() if name.startswith("#job/")]
    assert times[crate.RUN] == [times["#job/data"][0], datetime.fromisoformat(max(ends))]


def test_the_run_has_its_settings(run, entities):
    summary = read_sealed_json(run / "summary.json")
    settings = identities(entities[crate.RUN]["object"])
    for name, value in {
        "seed": "1",
        "sweeps": "3",
        "data.labels": "[2, 3]",
        "hyperprior": "exponential",
        "data sha256": summary["data"]["sha256"],
    }.items():
        (entity,) = [e for e in entities.values() if e.get("name") == name and "value" in e]
        assert entity["value"] == value and entity["@id"] in settings


def test_the_crate_has_the_environment_in_which_it_was_written(finished, run):
    facts = provenance.read_environment(run / crate.NAME)
    assert facts == environment(finished.folder)
    assert facts["package numpy"] == version("numpy")
    assert facts["commit"] == facts["uncommitted changes"] == "unknown"
    assert {"processor", "system", "cores", "instruction set", "Python"} <= facts.keys()


def test_jobs_without_a_record_are_left_out(copy, monkeypatch):
    monkeypatch.chdir(copy.parents[1])
    everything = read_jobs("results/small")
    assert [job.rule for job in everything][:2] == ["data", "chain"]
    shutil.rmtree(".snakemake")
    assert read_jobs("results/small") == []
    crate.write_crate("results/small", ".")
    assert crate.RUN not in {entity["@id"] for entity in read_json(copy / crate.NAME)["@graph"]}
    assert "chains/0.pkl" in provenance.read_files(copy / crate.NAME)


def git(folder, *arguments):
    identity = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_uncommitted_changes_of_the_code_are_told(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Snakefile").write_text("one")
    git(tmp_path, "init")
    assert environment(tmp_path)["commit"] == "unknown"  # the Snakefile is in no commit
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")

    def told():
        facts = environment(tmp_path)
        assert facts["commit"] == git(tmp_path, "rev-parse", "HEAD").strip()
        return facts["uncommitted changes"]

    assert told() == "no"
    (tmp_path / "notes.txt").write_text("no code")
    assert told() == "no"
    (tmp_path / "src/new.py").write_text("new")
    assert told() == "yes"
    (tmp_path / "src/new.py").unlink()
    (tmp_path / "Snakefile").write_text("other")
    assert told() == "yes"


def test_changed_files_are_named(copy):
    assert provenance.changed_files(copy / crate.NAME) == []
    (copy / "figures/trace.png").write_bytes(b"other")
    (copy / "consensus.csv").unlink()
    assert provenance.changed_files(copy / crate.NAME) == ["consensus.csv", "figures/trace.png"]


def test_what_differs_between_two_crates(run, copy, capsys):
    one, other = run / crate.NAME, copy / crate.NAME
    provenance.main(str(one), str(other))
    assert capsys.readouterr().out == "no difference\n"
    text = other.read_text()
    for old, new in {
        f'"softwareVersion": "{version("numpy")}"': '"softwareVersion": "0.1"',
        provenance.read_files(one)["consensus.csv"]: "0" * 64,
        provenance.read_files(one)["logs/data.txt"]: "1" * 64,
    }.items():
        assert old in text
        text = text.replace(old, new)
    other.write_text(text)
    differ = {what: values for what, *values in provenance.compare(one, other)}
    assert differ["package numpy"] == [version("numpy"), "0.1"]
    assert differ["consensus.csv"][1] == "0" * 12
    assert "logs/data.txt" not in differ
    provenance.main(str(one), str(other))
    assert re.search(r"^package numpy +\S+ +0\.1$", capsys.readouterr().out, re.MULTILINE)


def test_only_direct_dependencies_are_kept_with_expected_values(run):
    facts = provenance.read_environment(run / crate.NAME)
    brief = provenance.direct(facts)
    assert {"package jupyter-client", "package bitmix", "commit", "processor"} <= brief.keys()
    assert "package packaging" in facts and "package packaging" not in brief
