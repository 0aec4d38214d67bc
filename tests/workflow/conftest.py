"""A copy of the workflow in its own folder, and one small run that the tests share."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workflow:
    """The workflow in `folder`, with the runs of small.yaml."""

    folder: Path

    def snakemake(self, *arguments, cores=2, python_path=""):
        """Run Snakemake there, with output and errors together in `stdout`."""
        process = self.start(*arguments, cores=cores, python_path=python_path)
        try:
            output, _ = process.communicate(timeout=3000)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, *arguments, cores=2, python_path="", environment=None, umask=-1):
        """Start Snakemake in its own process group and do not wait for it."""
        # PATH is that of a terminal in which the environment is not activated.
        own = {"PATH": os.defpath, "PYTHONPATH": str(python_path), **(environment or {})}
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--cores", str(cores), "--nocolor", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **own},
            umask=umask,
        )

    def copy(self, folder):
        """Copy the workflow with its finished runs to another folder."""
        shutil.copytree(self.folder, folder)
        return Workflow(folder)


def _copy_workflow(folder):
    for name in ("Snakefile", "environment.yml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("config", "notebooks", "profiles", "rules", "src"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    shutil.copy2(ROOT / "tests/workflow/small.yaml", folder / "config/config.yaml")
    (folder / "tests/expected").mkdir(parents=True)
    shutil.copy2(ROOT / "tests/expected/small.json", folder / "tests/expected")
    return Workflow(folder)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """Return the workflow before anything has run. Do not change it."""
    return _copy_workflow(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def workflow(pristine, tmp_path):
    """Return a copy of the workflow that a test may change."""
    return pristine.copy(tmp_path / "copy")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, mnist):
    """Return the workflow after the small run. Do not change it; copy it instead."""
    workflow = _copy_workflow(tmp_path_factory.mktemp("finished"))
    result = workflow.snakemake()
    assert result.returncode == 0, result.stdout
    (workflow.folder / "output.txt").write_text(result.stdout)
    return workflow


@pytest.fixture(scope="module")
def finished_copy(finished, tmp_path_factory):
    """Return the workflow after the small run. Tests of a module may change it and restore it."""
    return finished.copy(tmp_path_factory.mktemp("finished_copy") / "copy")
