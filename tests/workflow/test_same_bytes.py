"""Two runs give the same bytes of every file, except those that hold times."""

import pytest
from same_bytes import assert_same, files, run_elsewhere

from bitmix.workflow import provenance


def test_a_run_elsewhere_gives_the_same_bytes(finished, tmp_path):
    here, there = finished.folder / "results/small", run_elsewhere(finished, tmp_path, "small")
    assert len(files(here)) > 60
    assert_same(here, there)
    times = "benchmarks/chain-0.json"
    assert (here / times).read_bytes() != (there / times).read_bytes()
    assert (there / "summary.json").stat().st_mode & 0o777 == 0o600
    assert provenance.compare(*(run / "ro-crate-metadata.json" for run in (here, there))) == []


def test_a_difference_is_told(finished, tmp_path):
    one = finished.folder / "results/small"
    other = finished.copy(tmp_path / "copy").folder / "results/small"
    (other / "consensus.csv").write_text("other")
    (other / "logs/data.txt").write_text("other")
    with pytest.raises(AssertionError, match=r"consensus\.csv") as error:
        assert_same(one, other)
    assert "data.txt" not in str(error.value)
