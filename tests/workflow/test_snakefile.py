"""The Snakefile: its style, what it would run, what it refuses."""

import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import papermill
import pytest

from bitmix.workflow import runs as run_settings

ROOT = Path(__file__).parents[2]
NOTEBOOK = re.compile(r"notebooks/[\w-]+\.ipynb")


def test_lint(pristine):
    result = pristine.snakemake("--lint")
    assert result.returncode == 0, result.stdout
    assert "good condition" in result.stdout


def test_format():
    command = [
        sys.executable,
        "-m",
        "snakefmt",
        "--check",
        "--line-length",
        "100",
        "Snakefile",
        "rules",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def commands(pristine):
    """Return the shell commands of a dry run."""
    result = pristine.snakemake("all", "evaluation", "--dry-run", "--printshellcmds")
    assert result.returncode == 0, result.stdout
    return re.findall(r"python .*/notebook.py .*\n.*|python -m .*\.jobs .*", result.stdout)


def test_a_dry_run_lists_the_jobs(commands):
    notebooks = [notebook for command in commands for notebook in NOTEBOOK.findall(command)]
    assert Counter(Path(notebook).stem for notebook in notebooks) == {
        "01-data": 2, "02-model": 2, "03-clusters": 2, "04-mixing": 2, "05-consensus": 2,
        "06-predictions": 2, "07-evaluation": 1,
    }  # fmt: skip
    jobs = [job for command in commands for job in re.findall(r"workflow.jobs (\w+)", command)]
    assert Counter(jobs) == {
        "data": 2, "chain": 4, "explore": 2, "summary": 2, "crate": 2, "scores": 1,
    }  # fmt: skip


def test_the_rules_give_each_notebook_all_its_parameters(commands):
    for command in commands:
        if not NOTEBOOK.search(command):
            continue
        notebook = NOTEBOOK.search(command)[0]
        given = re.findall(r"-p (\w+) ", command) + re.findall(r"-y '(\w+): ", command)
        declared = papermill.inspect_notebook(ROOT / notebook)
        assert sorted(given) == sorted(declared), notebook


def test_the_rules_give_each_job_all_its_parameters(commands):
    for command in commands:
        if match := re.search(r"workflow.jobs (\w+) (.*) 2> ", command):
            given = [argument.partition("=")[0] for argument in shlex.split(match[2])]
            wanted = {
                "data": ["data_file", "seed", "limit", *run_settings.SOURCE_SETTINGS],
                "chain": ["data_file", "chain_file", "chain", "checkpoint_folder", "seed",
                          "times_file", *run_settings.CHAIN_SETTINGS],
                "summary": ["summary_file", "configuration", "data_file", "chain_files",
                            "figures_folder"],
                "crate": ["folder", "home"],
                "scores": ["files", "table_file"],
                "explore": ["data_file", "chain_files", "explorer_file"],
            }  # fmt: skip
            assert sorted(given) == sorted(wanted[match[1]])


def test_commands_find_the_workflow_from_another_folder(pristine, tmp_path):
    config = str(pristine.folder / "config/config.yaml")
    options = ("--dry-run", "--printshellcmds", "--configfile", config)
    result = pristine.snakemake(*options, "--directory", str(tmp_path))
    assert result.returncode == 0, result.stdout
    (script,) = set(re.findall(r"python -P (\S+)", result.stdout))
    assert (tmp_path / script).resolve() == (
        pristine.folder / "src/bitmix/workflow/notebook.py"
    ).resolve()


def test_lists_are_given_as_lists(commands):
    for command in commands:
        assert ("labels: [2, 3]" in command) == ("01-data" in command)
        assert ('"labels": [2, 3]' in command) == ("workflow.jobs summary" in command)
        assert ("'labels=[2, 3]'" in command) == ("workflow.jobs data" in command)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("  small: {sweps: 5}", "runs.small.sweps: unknown key, did you mean sweeps?"),
        (
            "  small: {sweeps: five}",
            "sweeps: must be a whole number of at least 1 or auto",
        ),
        ("  small: {warmup: 5}", "runs.small.warmup: must be below the sweeps of the run, 5"),
        ("  small: {thin: 6}", "runs.small.thin is 6, above the 5 sweeps: no state would be kept"),
        ("  check: {}", "runs.check: `snakemake check` means something else, rename the run"),
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
    assert " sweeps=7 " in result.stdout
    assert "-p limit 250 " in result.stdout
    assert " initial_clusters=20 " in result.stdout  # as the file says


def test_settings_in_another_file(workflow):
    (workflow.folder / "mine.yaml").write_text("runs:\n  mine: {data: {labels: [1, 7]}}\n")
    target = "results/mine/summary.json"
    result = workflow.snakemake(target, "-n", "-p", "--configfile", "mine.yaml")
    assert result.returncode == 0, result.stdout
    assert '"labels": [1, 7]' in result.stdout
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
