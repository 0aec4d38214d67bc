"""`snakemake density`: its job, its file, its table, its figure."""

import hashlib
import json

import pytest

from bitmix.data import debd
from bitmix.io import read_sealed_json, write_json, write_sealed_json
from bitmix.workflow import densities, jobs
from bitmix.workflow.checks import CheckError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with a small set, which stands in for dna."""
    rows = {split: f"{i % 2},1,0\n1,{i % 2},1\n" * 20 for i, split in enumerate(debd.SPLITS)}
    for split, text in rows.items():
        (tmp_path / f"dna.{split}.data").write_text(text)
    sha256 = tuple(hashlib.sha256(text.encode()).hexdigest() for text in rows.values())
    monkeypatch.setattr(debd, "SHA256", {"dna": sha256})
    return tmp_path


def test_job_and_report(folder, capsys):
    result = folder / "dna.json"
    settings = {"seed": 1, "chains": 2, "trial_chains": 1, "leaves": [2, 4], "reassignments": 80,
                "states": 1, "initial_clusters": 120}  # fmt: skip
    arguments = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    assert jobs.main(["density", f"result_file={result}", "name=dna", f"folder={folder}",
                      *arguments]) == 0  # fmt: skip
    found = read_sealed_json(result)
    assert found["settings"] == settings
    assert found["data"]["valid"]["shape"] == [40, 3]

    files = folder / "density.json", folder / "density.md"
    densities.report([str(result)], *map(str, files), folder / "figures")
    written = read_sealed_json(files[0])
    assert written["sets"] == {"dna": found}
    table = files[1].read_text()
    assert f"{found['averages']['trees']['test']:.3f}" in table
    assert "Ahead of every published figure on 1 of 1 sets: dna." in table
    assert table in capsys.readouterr().out
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert names == ["density.alt.txt", "density.png", "density.svg"]


@pytest.fixture
def density_file(tmp_path):
    """Return a file of two sets."""
    average = {"leaves": 2, "chains_sha256": "a1"}
    result = {
        "settings": {"seed": 1},
        "data": {"train": {"sha256": "d1"}},
        "averages": {"independent": average, "trees": average},
    }
    write_sealed_json(tmp_path / "density.json", {"sets": {"dna": result, "plants": result}})
    return str(tmp_path / "density.json")


def test_check(density_file, tmp_path, capsys):
    """Sets of other settings are not compared."""
    expected = densities.identity(read_sealed_json(density_file))
    expected["plants"] = {"settings": {"seed": 2}}
    files = str(tmp_path / "expected.json"), density_file, str(tmp_path / "check.txt")
    write_json(files[0], expected)
    densities.check(*files)
    assert "1 of 2 sets have chains to compare with; 0 differ" in capsys.readouterr().out
    expected["dna"]["chains"]["trees"] = "a2"
    write_json(files[0], expected)
    with pytest.raises(CheckError, match=r"1 of 2 .*; 1 differ: dna; see"):
        densities.check(*files)
    assert "1 differ: dna" in (tmp_path / "check.txt").read_text()
