"""The study as jobs of SLURM: the results are those of a local run."""

import re
import shutil

import pytest
from slurm.conftest import finish, hash_of, start
from workflow.conftest import ROOT

from bitmix.workflow.provenance import is_of_one_run

pytestmark = pytest.mark.slurm

CONFIG = "config/config.yaml"


@pytest.fixture(scope="module")
def study(pristine, tmp_path_factory):
    """Return the workflow with the study's run alone, and its expected values."""
    workflow = pristine.copy(tmp_path_factory.mktemp("study") / "copy")
    text = (ROOT / CONFIG).read_text()
    run, _, _ = text.partition("\n\n  # A thousand twos and threes")
    (workflow.folder / CONFIG).write_text(f"{run}\n")
    shutil.copy2(ROOT / "tests/expected/tutorial.json", workflow.folder / "tests/expected")
    return workflow


@pytest.fixture(scope="module")
def local(study, tmp_path_factory):
    workflow = study.copy(tmp_path_factory.mktemp("local") / "copy")
    result = workflow.snakemake("tutorial")
    assert result.returncode == 0, result.stdout
    return workflow


def files(workflow):
    """Return the hashes of the data, the chains, the JSON files and the figures."""
    folder = workflow.folder / "results/tutorial"
    kinds = ("data.npz", "chains/*.pkl", "*.json", "figures/**/*.png")
    found = [file for kind in kinds for file in folder.glob(kind)]
    hashes = {str(file.relative_to(folder)): hash_of(file) for file in found}
    return {name: hashes[name] for name in hashes if not is_of_one_run(name)}


def test_study(study, local, cluster, tmp_path):
    run = study.copy(tmp_path / "copy")
    said = finish(run, start(run, cluster, "tutorial"))
    found, expected = files(run), files(local)
    different = [file for file in expected if found.get(file) != expected[file]]
    print(f"{len(expected)} files of the study compared, {len(different)} differ")
    assert len(expected) > 20 and not different
    # Nothing puzzles: no account is guessed, and no warning is given.
    assert not re.search(r"(?i)account|warning|falling back", said), said
    # The comparison of the workflow itself.
    result = run.snakemake("check")
    assert "Everything is as expected." in result.stdout


def test_runs_from_another_folder(study, cluster, tmp_path):
    """The configuration and the results are elsewhere on the shared file system."""
    config = tmp_path / "mine.yaml"
    config.write_text("runs: {few: {data: {limit: 200}, chains: 2, initial_clusters: 10}}\n")
    folder = tmp_path / "elsewhere"
    options = ["--configfile", str(config), "--directory", str(folder)]
    run = study.copy(tmp_path / "copy")
    finish(run, start(run, cluster, *options, "results/few/chains/0.pkl"))
    assert (folder / "results/few/chains/0.pkl").exists()
    assert not (run.folder / "results").exists()
