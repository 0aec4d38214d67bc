"""What a killed run left behind is removed."""

import pytest

from bitmix.io import write_json, write_sealed_json
from bitmix.workflow.repair import repair


@pytest.mark.parametrize(
    "name", ["run/summary.json", "run/benchmarks/chain-1.json", "density/dna.json", "density.json"]
)
def test_a_damaged_result_is_removed(tmp_path, name):
    good, bad = tmp_path / "other/consensus.json", tmp_path / name
    write_sealed_json(good, {"clusters": 2})
    write_sealed_json(bad, {"clusters": 2})
    bad.write_bytes(bad.read_bytes()[:-9])
    assert repair(tmp_path) == [bad]
    assert good.exists() and not bad.exists()


def test_files_that_are_no_results_of_runs_stay(tmp_path):
    write_json(tmp_path / "benchmarks/bench.json", {"seconds": 1})
    assert repair(tmp_path) == []
    assert (tmp_path / "benchmarks/bench.json").exists()


def test_unfinished_files_are_removed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.data.npz.1f.tmp").write_bytes(b"half")
    assert repair(tmp_path) == []
    assert list((tmp_path / "run").iterdir()) == []
