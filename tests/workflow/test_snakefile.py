"""The Snakefile itself: style, what it would run, and what it refuses."""

import re
import shutil
import subprocess
import sys
from collections import Counter
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
    assert Counter(Path(notebook).stem for notebook in notebooks) == {
        "01-data": 2, "02-model": 4, "03-clusters": 2, "06-predictions": 2, "07-evaluation": 1,
        "04-mixing": 2, "05-consensus": 2,
    }  # fmt: skip


def test_the_rules_give_each_notebook_all_its_parameters(commands):
    for command in commands:
        notebook = re.search(r"notebooks/\S+", command)[0]
        given = re.findall(r"-p (\w+) ", command) + re.findall(r"-y '(\w+): ", command)
        declared = papermill.inspect_notebook(ROOT / notebook)
        assert sorted(given) == sorted(declared), notebook


def test_lists_are_given_as_lists(commands):
    for command in commands:
        assert ("-y 'labels: [2, 3]'" in command) == ("01-data" in command)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("  small: {sweps: 5}", "runs.small.sweps: unknown key, did you mean sweeps?"),
        ("  small: {sweeps: five}", "runs.small.sweeps: must be a whole number, but is 'five'"),
        ("  small: {warmup: 5}", "runs.small.warmup: must be below the run's sweeps, 5"),
        ("  check: {}", "runs.check: `snakemake check` does something else, call it otherwise"),
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


def runs(result):
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"^Job \d+: (\S+): ", result.stdout, re.MULTILINE))


def test_a_run_is_a_target_and_some_are_made_only_so(pristine):
    assert runs(pristine.snakemake("--dry-run")) == {"small", "moves"}
    for run in ("small", "moves", "asked"):
        assert runs(pristine.snakemake(run, "--dry-run")) == {run}


def test_the_committed_runs(workflow):
    shutil.copy2(ROOT / "config/config.yaml", workflow.folder / "config/config.yaml")
    assert runs(workflow.snakemake("--dry-run")) == {"tutorial", "posterior"}
    assert runs(workflow.snakemake("digits", "--dry-run")) == {"digits"}
