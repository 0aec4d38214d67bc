"""The workflow from end to end, on 300 digits and two chains."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr
import yaml
from chains import same
from PIL import Image

import bitmix
from bitmix.data import load_dataset
from bitmix.sampling.moves import MOVES
from bitmix.sampling.settings import Settings

ROOT = Path(__file__).parents[2]
FIGURES = [
    "agreement",
    "binary",
    "certainty",
    "clusters/chain-0",
    "clusters/chain-0-scaled",
    "clusters/chain-1",
    "clusters/chain-1-scaled",
    "coclustering",
    "consensus",
    "diagnostics-autocorrelation",
    "diagnostics-ranks",
    "diagnostics-trace",
    "grey",
    "predictions",
    "trace",
]
STAGES = [
    "01-data",
    "02-model",
    "03-clusters",
    "04-mixing",
    "05-consensus",
    "06-predictions",
]


@pytest.fixture(scope="module")
def results(finished):
    return finished.folder / "results/small"


@pytest.fixture(scope="module")
def summary(results):
    return json.loads((results / "summary.json").read_text())


def jobs(output):
    """Return how many jobs of each rule a dry run would execute."""
    return dict(re.findall(r"^(\w+) +(\d+)$", output.partition("Job stats:")[2], re.MULTILINE))


def test_every_stage_leaves_its_notebook_log_and_benchmark(results):
    for stage in STAGES:
        executed = nbformat.read(results / f"notebooks/{stage}.ipynb", as_version=4)
        cells = [cell for cell in executed.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in cells)
        assert (results / f"logs/{stage}.ipynb").read_bytes()
        assert (results / f"benchmarks/{stage}.tsv").read_text().startswith("s\t")


def test_the_data_are_the_first_rows_after_the_shuffle(results):
    dataset = load_dataset(results / "data.npz")
    everything = bitmix.shuffle(bitmix.load_mnist(), seed=1)
    np.testing.assert_array_equal(dataset.x, everything.x[:300])
    np.testing.assert_array_equal(dataset.labels, everything.labels[:300])


def test_the_data_notebook_prints_the_counts_of_the_study(results):
    text = (results / "notebooks/01-data.ipynb").read_text()
    assert "number of twos: 6990" in text
    assert "number of threes: 7141" in text


def test_the_chains_are_those_of_sample(results):
    dataset = load_dataset(results / "data.npz")
    latents = bitmix.sample(dataset.x, chains=2, sweeps=3, seed=1, initial_clusters=20)
    for chain, latent in enumerate(latents):
        written = bitmix.load_latents(results / f"chains/{chain}.pkl")
        np.testing.assert_array_equal(written.assignments, latent.assignments)
        np.testing.assert_array_equal(written.alpha, latent.alpha)
        np.testing.assert_array_equal(written.beta, latent.beta)
        assert written.log_joint().hex() == latent.log_joint().hex()
        assert written.generator == latent.generator


def test_the_chains_of_all_moves_keep_states(finished):
    run = finished.folder / "results/moves"
    dataset = load_dataset(run / "data.npz")
    settings = yaml.safe_load((finished.folder / "config/config.yaml").read_text())["runs"]["moves"]
    assert set(settings["moves"]) == set(MOVES)
    chosen = {name: settings[name] for name in settings.keys() & asdict(Settings()).keys()}
    with pytest.warns(UserWarning, match="features are never on or always on"):
        latents = bitmix.sample(dataset.x, chains=2, **chosen)
    for chain, latent in enumerate(latents):
        for folder in ("chains", "checkpoints"):
            assert same(bitmix.load_latents(run / f"{folder}/{chain}.pkl"), latent)
        assert latent.samples["sweep"].tolist() == [4, 6, 8]  # the first two are annealed
        assert "never on or always on" in (run / f"logs/chain-{chain}.txt").read_text()
    assert "6 states of 2 chains" in (run / "notebooks/06-predictions.ipynb").read_text()


def test_jobs_leave_a_log_and_a_benchmark(results):
    for job in ("data", "chain-0", "chain-1"):
        assert (results / f"logs/{job}.txt").exists()
        assert (results / f"benchmarks/{job}.tsv").read_text().startswith("s\t")
    for chain in (0, 1):
        seconds = json.loads((results / f"benchmarks/chain-{chain}.json").read_text())["seconds"]
        assert len(seconds) == 3 and min(seconds) > 0


def test_a_chain_reports_its_progress_and_notebooks_no_times(results, finished):
    notebook = (results / "notebooks/02-model.ipynb").read_text()
    assert "benchmarks of the run holds the times" in notebook and "mcmc took" not in notebook
    assert re.search(r"^chain 0: .*sweep", (finished.folder / "output.txt").read_text(), re.M)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_there_in_three_forms(results, name):
    alt = (results / f"figures/{name}.alt.txt").read_text().strip()
    assert len(alt.split()) >= 5
    with Image.open(results / f"figures/{name}.png") as image:
        assert image.info["Description"] == alt
        assert len(image.convert("L").getcolors()) > 1
    svg = (results / f"figures/{name}.svg").read_text()
    assert "<svg" in svg
    assert "</svg>" in svg


def test_the_summary_tells_the_run(results, summary):
    dataset = load_dataset(results / "data.npz")
    assert summary["data"]["sha256"] == dataset.sha256
    assert summary["data"]["shape"] == [300, 784]
    assert sum(summary["data"]["labels"].values()) == 300
    assert summary["figures"].keys() == {f"{name}.png" for name in FIGURES}
    assert not any(figure["blank"] for figure in summary["figures"].values())
    assert summary["configuration"]["sweeps"] == 3
    assert "seconds" not in summary
    for chain, told in enumerate(summary["chains"]):
        latent = bitmix.load_latents(results / f"chains/{chain}.pkl")
        digest = hashlib.sha256(latent.assignments.astype("<i4").tobytes()).hexdigest()
        assert told["assignments_sha256"] == digest
        assert told["clusters"] == len(latent.sizes)
        assert told["sizes"] == sorted(latent.sizes.tolist(), reverse=True)
        assert told["log_joint"] == float.fromhex(told["log_joint_hex"]) == latent.log_joint()


@pytest.mark.parametrize(("run", "draws"), [("small", 2), ("moves", 5)])
def test_the_diagnostics_tell_that_so_few_sweeps_are_not_enough(finished, run, draws):
    folder = finished.folder / f"results/{run}"
    told = json.loads((folder / "diagnostics.json").read_text())
    assert told["mixed"] is False
    assert told["draws"] == {"chain": 2, "draw": draws}
    assert told["verdict"] in "".join(printed(folder / "notebooks/04-mixing.ipynb"))
    with xr.open_datatree(folder / "diagnostics.nc", engine="h5netcdf") as tree:
        for chain in range(2):
            latent = bitmix.load_latents(folder / f"chains/{chain}.pkl")
            for name, values in tree["posterior"].sel(chain=chain).items():
                np.testing.assert_array_equal(values, latent.trace[name][-draws:])


def printed(notebook):
    """Return what the cells of an executed notebook print."""
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [output["text"] for output in outputs if output["output_type"] == "stream"]


def test_the_end_says_where_the_results_are(finished):
    output = (finished.folder / "output.txt").read_text()
    closing = output.partition("Results: results/small")[2]
    assert "300 images of 784 pixels" in closing
    for word in ("clusters", "log joint", "mixing", "sampling", "total"):
        assert word in closing
    page = re.search(r"explorer +(\S+), for your browser", closing)[1]
    assert "<title>small - bitmix explorer</title>" in (finished.folder / page).read_text()


def test_a_second_run_does_nothing(finished):
    result = finished.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout
    assert "Results:" not in result.stdout


def test_check_passes_twice(finished):
    for _ in range(2):
        result = finished.snakemake("check")
        assert result.returncode == 0, result.stdout
        assert "Everything is as expected." in result.stdout


def test_check_fails_on_a_perturbed_value(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    path = workflow.folder / "tests/expected/small.json"
    expected = json.loads(path.read_text())
    expected["chains"][1]["sizes"][0] += 1
    path.write_text(json.dumps(expected))
    result = workflow.snakemake("check")
    assert result.returncode == 1
    assert re.search(r"^chain 1 sizes .* DIFFERS$", result.stdout, re.MULTILINE)
    assert result.stdout.count("DIFFERS") == 1
    assert "src/bitmix/kernel" in result.stdout
    assert "NOT as expected." in (workflow.folder / "results/check.txt").read_text()


def test_the_table_of_the_readme(finished, summary):
    result = finished.snakemake("table")
    assert result.returncode == 0, result.stdout
    for chain in summary["chains"]:
        cells = map(str, (chain["chain"], chain["clusters"], chain["sizes"][0]))
        assert re.search(r"\| +" + r" \| +".join(cells) + r" \|", result.stdout)


def test_expected_values_are_made_on_request(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    path = workflow.folder / "tests/expected/small.json"
    path.write_text("{}")
    command = [sys.executable, "-m", "bitmix.workflow.checks", "small"]
    subprocess.run(command, cwd=workflow.folder, check=True)
    new = json.loads(path.read_text())
    old = json.loads((ROOT / "tests/expected/small.json").read_text())
    assert new.pop("environment").keys() == old.pop("environment").keys()
    assert new == old


def test_a_change_of_one_run_leaves_the_others(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    config = workflow.folder / "config/config.yaml"
    config.write_text(config.read_text() + "  other: {data: {limit: 200}, chains: 1}\n")
    output = workflow.snakemake("--dry-run").stdout
    assert jobs(output) == {
        "data": "1", "first_look": "1", "chain": "1", "model": "1", "clusters": "1",
        "mixing": "1", "consensus": "1", "predictions": "1", "explore": "1", "summary": "1",
        "crate": "1", "all": "1", "total": "12",
    }  # fmt: skip
    assert "small: " not in output

    config.write_text(config.read_text().replace("sweeps: 3", "sweeps: 4"))
    output = workflow.snakemake("--dry-run", "results/small/summary.json").stdout
    assert jobs(output) == {
        "chain": "2", "clusters": "1", "mixing": "1", "consensus": "1", "predictions": "1",
        "summary": "1", "total": "7",
    }  # fmt: skip


def test_settings_that_change_places_are_a_change(finished):
    swapped = "runs={small: {seed: 3, sweeps: 1}}"  # were 1 and 3
    assert jobs(finished.snakemake("--dry-run", "--config", swapped).stdout)["chain"] == "2"


def test_code_that_is_not_installed_is_not_run(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    code = workflow.folder / "src/bitmix/figures/style.py"
    code.write_text(f"{code.read_text()}# changed\n")
    result = workflow.snakemake("--dry-run")
    assert result.returncode == 1
    assert "src/bitmix/figures/style.py: run `make install`" in result.stdout


def test_a_failing_notebook_leaves_its_traceback_and_no_output(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    path = workflow.folder / "notebooks/06-predictions.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = "raise RuntimeError('broken for the test')"
    nbformat.write(notebook, path)
    result = workflow.snakemake("small")
    assert result.returncode == 1
    assert "RuntimeError: broken for the test" in result.stdout
    results = workflow.folder / "results/small"
    assert "broken for the test" in (results / "logs/06-predictions.ipynb").read_text()
    assert not (results / "notebooks/06-predictions.ipynb").exists()
    assert not (results / "figures/predictions.png").exists()
    assert jobs(workflow.snakemake("--dry-run", "small").stdout)["predictions"] == "1"
    assert jobs(workflow.snakemake("--dry-run", "check").stdout)["predictions"] == "1"


def test_what_was_deleted_is_made_again(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    (workflow.folder / "results/small/figures/trace.png").unlink()
    assert jobs(workflow.snakemake("--dry-run").stdout)["clusters"] == "1"
