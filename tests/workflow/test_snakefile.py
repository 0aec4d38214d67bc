"""The Snakefile itself: style, what it would run, and what it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import papermill
import pytest

ROOT = Path(__file__).parents[2]


def test_lint(pristine):
    result = pristine.snakemake("--lint")
    assert result.returncode == 0, result.stdout
    assert "good condition" in result.stdout


def test_format():
    command = [sys.executable, "-m", "snakefmt", "--check", "--line-length", "100", "Snakefile"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def commands(pristine):
    """The shell commands of a dry run."""
    result = pristine.snakemake("all", "evaluation", "--dry-run", "--printshellcmds")
    assert result.returncode == 0, result.stdout
    return re.findall(r"papermill .*\n.*", result.stdout)


def test_a_dry_run_lists_the_jobs(commands):
    notebooks = [re.search(r"notebooks/\S+", command)[0] for command in commands]
    assert sorted(notebooks) == [
        "notebooks/01-data.ipynb",
        "notebooks/02-chain.ipynb",
        "notebooks/02-chain.ipynb",
        "notebooks/03-clusters.ipynb",
        "notebooks/04-predictions.ipynb",
        "notebooks/05-evaluation.ipynb",
    ]


def test_the_rules_give_each_notebook_all_its_parameters(commands):
    for command in commands:
        notebook = re.search(r"notebooks/\S+", command)[0]
        given = re.findall(r"-p (\w+) ", command) + re.findall(r"-y '(\w+): ", command)
        declared = papermill.inspect_notebook(ROOT / notebook)
        assert sorted(given) == sorted(declared), notebook


def test_lists_are_given_as_lists(commands):
    (command,) = [command for command in commands if "01-data" in command]
    assert "-y 'labels: [2, 3]'" in command


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("  small: {sweps: 5}", "runs.small.sweps: unknown key, did you mean sweeps?"),
        ("  small: {sweeps: five}", "runs.small.sweeps: must be a whole number, but is 'five'"),
    ],
)
def test_a_wrong_configuration_stops_before_anything_runs(workflow, settings, message):
    (workflow.folder / "config/config.yaml").write_text(f"runs:\n{settings}\n")
    result = workflow.snakemake()
    assert result.returncode == 1
    assert message in result.stdout
    assert "Traceback" not in result.stdout
    assert len(result.stdout.splitlines()) < 10
    assert not (workflow.folder / "results").exists()


def test_settings_on_the_command_line(pristine):
    new = "runs={small: {sweeps: 7, data: {limit: 250}}}"
    result = pristine.snakemake("--dry-run", "--printshellcmds", "--config", new)
    assert result.returncode == 0, result.stdout
    assert "-p sweeps 7 " in result.stdout
    assert "-p limit 250 " in result.stdout
    assert "-p initial_clusters 20 " in result.stdout  # as the file says


def test_settings_in_another_file(workflow):
    (workflow.folder / "mine.yaml").write_text("runs:\n  mine: {data: {labels: [1, 7]}}\n")
    target = "results/mine/summary.json"
    result = workflow.snakemake(target, "-n", "-p", "--configfile", "mine.yaml")
    assert result.returncode == 0, result.stdout
    assert "-y 'labels: [1, 7]'" in result.stdout
    assert "small: " not in result.stdout
