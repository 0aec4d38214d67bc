"""Entries of the configuration that stand for many runs."""

import csv
from pathlib import Path

import pytest

from bitmix.io import write_sealed_json
from bitmix.workflow import grids, runs
from bitmix.workflow.config import ConfigError

SCHEMA = Path(__file__).parents[2] / "config/schema.yaml"
GRID = {"data.labels": [[2, 3], [1, 7]], "seed": [1, 2], "concentration": [0.5]}


def read(**entries):
    return runs.read_runs({"runs": entries}, SCHEMA)


def test_each_combination_is_a_run_with_its_values_in_its_name():
    found = read(pairs={"grid": GRID, "sweeps": 7}, other={})
    assert list(found) == [
        "pairs_labels-2-3_seed-1_concentration-0-5",
        "pairs_labels-2-3_seed-2_concentration-0-5",
        "pairs_labels-1-7_seed-1_concentration-0-5",
        "pairs_labels-1-7_seed-2_concentration-0-5",
        "other",
    ]
    run = found["pairs_labels-1-7_seed-2_concentration-0-5"]
    assert (run["data"]["labels"], run["seed"], run["concentration"]) == ([1, 7], 2, 0.5)
    assert run["sweeps"] == 7 and found["other"]["sweeps"] == 5


def test_a_run_of_a_grid_is_the_run_that_you_would_write():
    run = {"data": {"labels": [1, 7], "limit": 9}, "seed": 2, "sweeps": 7}
    member = {**run, "seed": 1, "grid": {"seed": [1, 2]}}
    assert read(pairs=member)["pairs_seed-2"] == read(mine=run)["mine"]
    assert "grid" not in read(mine=run)["mine"]


def test_grids_are_known_by_their_entry():
    found = runs.read_grids({"runs": {"pairs": {"grid": {"seed": [1, 2]}}, "a": {}}}, SCHEMA)
    assert found == {"pairs": {"pairs_seed-1": {"seed": 1}, "pairs_seed-2": {"seed": 2}}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"grid": {"seeds": [1, 2]}}, "runs.pairs.grid: seeds: unknown key, did you mean seed?"),
        ({"grid": {"seed": ["x", "y"]}}, "runs.pairs.grid: seed: must be a whole number, but is"),
        ({"grid": {"data.labels": [[2, "x"]]}}, "runs.pairs.grid: data.labels.1: must be"),
        ({"grid": {"seed": 1}}, "runs.pairs.grid.seed: must be a list"),
        ({"grid": {"seed": []}}, "runs.pairs.grid.seed: "),
        ({"grid": {}}, "runs.pairs.grid: "),
        ({"grid": {"seed": [1, 1]}}, "runs.pairs.grid: two combinations are pairs_seed-1"),
        ({"grid": {"warmup": [9, 10]}}, "runs.pairs.grid: warmup: must be below the sweeps"),
    ],
)
def test_errors_name_the_entry_and_the_key(entry, message):
    with pytest.raises(ConfigError) as error:
        read(pairs=entry)
    assert message in str(error.value)
    assert "pairs_" not in str(error.value).replace("combinations are pairs_", "")


def test_an_error_of_many_runs_is_told_once():
    with pytest.raises(ConfigError) as error:
        read(pairs={"grid": {"seed": [1, 2, 3], "sweeps": [0]}})
    assert str(error.value).count("sweeps: must be") == 1


def test_two_runs_of_the_same_name_are_refused():
    with pytest.raises(ConfigError, match=r"runs\.a_seed-1: two runs have this name"):
        read(a={"grid": {"seed": [1]}}, **{"a_seed-1": {}})


def test_the_table_has_a_row_for_each_run(tmp_path, capsys):
    found = {"pairs_seed-1": {"seed": 1}, "pairs_seed-2": {"seed": 2}}
    for number, run in enumerate(found):
        folder = tmp_path / run
        folder.mkdir()
        chains = [
            {"clusters": 4 + number, "sizes": [7, 3], "log_joint": -12.5 - chain}
            for chain in (0, 1)
        ]
        write_sealed_json(folder / "summary.json", {"chains": chains})
        write_sealed_json(folder / "diagnostics.json", {"mixed": number == 1})
    summaries = [str(tmp_path / run / "summary.json") for run in found]
    grids.write_comparison(summaries, found, str(tmp_path / "a.md"), str(tmp_path / "a.csv"))
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["clusters"] for row in rows] == ["4, 4", "5, 5"]
    assert rows[1] == {
        "run": "pairs_seed-2",
        "seed": "2",
        "rows": "10",
        "clusters": "5, 5",
        "highest log joint": "-12.50",
        "mixed": "yes",
    }
    assert "| pairs_seed-1 |" in (tmp_path / "a.md").read_text()
    assert "| pairs_seed-1 |" in capsys.readouterr().out


def test_an_entry_with_a_grid_makes_its_runs_and_their_table(workflow):
    config = workflow.folder / "config/config.yaml"
    config.write_text("runs: {pairs: {grid: {data.labels: [[2, 3], [1, 7]]}, chains: 2}}\n")
    result = workflow.snakemake("--dry-run", "pairs")
    assert result.returncode == 0, result.stdout
    assert "pairs: compare the runs" in result.stdout
    for labels in ("2-3", "1-7"):
        assert f"pairs_labels-{labels}: sample chain 1" in result.stdout
