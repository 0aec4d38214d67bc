"""The workflows of .github and the container of .devcontainer name what the checkout has."""

import json
import re
from pathlib import Path

import pytest
import yaml
from supported import PYTHONS

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M))


def load(path):
    return yaml.safe_load(path.read_text())


def steps(path):
    """Return the steps of all jobs of a workflow, or those of an action."""
    jobs = load(path).get("jobs", {}).values() or [load(path)["runs"]]
    return [step for job in jobs for step in job["steps"]]


def values(job, key):
    """Return all values that a key of a job's matrix takes."""
    matrix = job["strategy"]["matrix"]
    return [*matrix[key], *(entry[key] for entry in matrix.get("include", []))]


def targets(command):
    """Return the targets of make in a command: what follows `make`, up to the end of the line."""
    return [name for names in re.findall(r"\bmake ([a-z -]+)", command) for name in names.split()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_the_commands_of_make(path):
    commands = "\n".join(step["run"] for step in steps(path) if "run" in step)
    assert targets(commands)
    assert set(targets(commands)) <= TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_only_read_and_end(path):
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 240


@pytest.mark.parametrize(
    "path",
    [*WORKFLOWS, *(ROOT / ".github/actions").glob("*/action.yml")],
    ids=lambda path: path.parent.name + path.stem,
)
def test_actions_are_of_one_version(path):
    for used in (step["uses"] for step in steps(path) if "uses" in step):
        if used.startswith("./"):
            assert (ROOT / used / "action.yml").exists()
        else:
            assert re.fullmatch(
                r"actions/[\w-]+@v\d+\.\d+\.\d+|docker://[\w/]+:\d+\.\d+\.\d+", used
            )


def test_the_tests_run_on_linux_and_macos_with_every_python():
    job = load(ROOT / ".github/workflows/tests.yml")["jobs"]["test"]
    assert sorted(set(values(job, "python")), key=PYTHONS.index) == PYTHONS
    assert {name.split("-")[0] for name in values(job, "machine")} == {"ubuntu", "macos"}
    assert "make test" in [step.get("run") for step in job["steps"]]


def test_the_reproduction_runs_weekly_and_shows_its_check():
    workflow = load(ROOT / ".github/workflows/reproduction.yml")
    (schedule,) = workflow[True]["schedule"]  # YAML 1.1 takes the key `on` for true
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    commands = [step.get("run", "") for step in workflow["jobs"]["reproduce"]["steps"]]
    assert commands.index("make") < commands.index("make check")
    (shown,) = [command for command in commands if "GITHUB_STEP_SUMMARY" in command]
    assert "results/check.txt" in shown
    assert commands.index("make check") < commands.index(shown)
    assert "table_file=results/check.txt" in (ROOT / "rules/summary.smk").read_text()


def test_the_container_has_a_python_and_opens_jupyterlab():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    # A .venv of the host, which the container sees, has no Python there.
    assert targets(container["postCreateCommand"]) == ["clean", "install"]
    assert targets(container["postAttachCommand"]) == ["lab"]
    image, *rest = (
        (ROOT / ".devcontainer" / container["build"]["dockerfile"]).read_text().split("\n")
    )
    assert image.removeprefix("FROM python:") in PYTHONS
    assert f"useradd --create-home --shell /bin/bash {container['remoteUser']}" in rest[0]
