"""The evaluation through the workflow, on 300 digits."""

import json

import pytest

from bitmix.data import load_dataset

FIGURES = ["evaluation-calibration", "evaluation-seconds", "evaluation-sweeps"]


@pytest.fixture(scope="module")
def evaluated(finished, tmp_path_factory):
    workflow = finished.copy(tmp_path_factory.mktemp("evaluated") / "copy")
    result = workflow.snakemake("evaluation")
    assert result.returncode == 0, result.stdout
    (workflow.folder / "output.txt").write_text(result.stdout)
    return workflow.folder


@pytest.fixture(scope="module")
def evaluation(evaluated):
    return json.loads((evaluated / "results/small/evaluation.json").read_text())


def test_all_models_are_scored(evaluation):
    models = [row["model"] for row in evaluation["models"]]
    assert models == [
        "bitmix", "bitmix", "EM, 200 clusters", "independent features", "EM, 400 clusters",
        "StepMix, 2 clusters", "50 nearest neighbours", "logistic regression",
    ]  # fmt: skip
    assert [row["members"] for row in evaluation["models"][:2]] == [1, 2]
    assert {row["sweeps"] for row in evaluation["by_sweeps"]} == {1, 2}


def test_the_images_are_those_of_the_run(evaluated, evaluation):
    shapes = [evaluation["data"][part]["shape"] for part in ("train", "held_out")]
    assert shapes == [[210, 784], [90, 784]]
    assert len(load_dataset(evaluated / "results/small/data.npz").x) == 300
    assert [row["sweeps"] for row in evaluation["models"][:2]] == [3, 3]


def test_figures_and_table(evaluated, evaluation):
    for name in FIGURES:
        for suffix in ("png", "svg", "alt.txt"):
            assert (evaluated / f"results/small/figures/{name}.{suffix}").stat().st_size
    table = (evaluated / "results/evaluation.md").read_text()
    assert table in (evaluated / "output.txt").read_text()
    assert f" {evaluation['models'][1]['brier']:.4f} |" in table


def test_it_changes_nothing_else(finished, evaluated):
    for name in ("summary.json", "data.npz"):
        file = f"results/small/{name}"
        assert (evaluated / file).read_bytes() == (finished.folder / file).read_bytes()
