"""A change in a folder of the package reruns what depends on it, and nothing else."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import bitmix
from bitmix.code import BROWSER

NOTEBOOKS = {"first_look", "clusters", "mixing", "consensus", "predictions", "summary", "crate"}
CHAIN = {"chain", "model", "explore", *NOTEBOOKS}
FILES = {
    "arguments.py": {"data", *CHAIN},
    "kernel/sweep.pyx": {"data", *CHAIN},
    "data/storage.py": {"data", *CHAIN},
    "chains/latent.py": CHAIN,
    "sampling/chain.py": CHAIN,
    "predict/mixture.py": {"explore", *NOTEBOOKS},
    "explorer/steps.py": {"explore", "crate"},
    "explorer/parts.js": {"explore", "crate"},
    "partitions/consensus.py": NOTEBOOKS,
    "diagnostics/verdict.py": NOTEBOOKS,
    "figures/style.py": NOTEBOOKS,
    "study/study.py": {"model", *NOTEBOOKS},
    "evaluation/scores.py": set(),
    "workflow/summary.py": {"summary", "crate"},
    "workflow/crate.py": {"crate"},
    "workflow/locks.py": set(),
    "estimator.py": set(),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a copy of the installed package that changes together with the sources."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(Path(bitmix.__file__).parent, folder / "bitmix")
    return folder


def change(source, site, name):
    """Add a comment to a source and install it; return a function that undoes this."""
    before = source.read_bytes()
    source.write_bytes(before + b"\n# changed\n")
    if source.suffix in (".py", *BROWSER):
        installed = site / "bitmix" / name
        old = installed.read_bytes()
        shutil.copy(source, installed)
    else:
        installed = site / "bitmix/compiled.json"
        old = installed.read_bytes()
        hashes = json.loads(old) | {name: sha256(source.read_bytes()).hexdigest()}
        installed.write_text(json.dumps(hashes))

    def undo():
        source.write_bytes(before)
        installed.write_bytes(old)

    return undo


def rerun(workflow, site):
    """Return the rules that a dry run would execute, without the rule of the run."""
    result = workflow.snakemake("small", "--dry-run", python_path=site)
    assert result.returncode == 0, result.stdout
    jobs = re.findall(r"^(\w+) +\d+$", result.stdout.partition("Job stats:")[2], re.MULTILINE)
    return set(jobs) - {"total", "small"}


@pytest.mark.parametrize("name", FILES)
def test_a_change_reruns_what_depends_on_it(finished_copy, site, name):
    undo = change(finished_copy.folder / "src/bitmix" / name, site, name)
    try:
        assert rerun(finished_copy, site) == FILES[name]
    finally:
        undo()


def test_nothing_is_rerun_without_a_change(finished_copy, site):
    assert rerun(finished_copy, site) == set()
