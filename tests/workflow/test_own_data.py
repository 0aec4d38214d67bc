"""The workflow on a user's own files: a table with gaps and without labels, a folder of images."""

import json
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from same_bytes import assert_same, run_elsewhere

import bitmix
from bitmix.data import load_dataset, sources

PROFILE = "Using workflow specific profile"  # Snakemake's first line
CONFIG = """
runs:
  answers:
    data: {source: csv, file: mine/answers.csv, id_column: who}
    classify: mine/more.csv
    chains: 2
    sweeps: 2
    initial: seeded
    initial_clusters: 5
  shapes:
    data: {source: images, folder: mine/shapes, image_shape: [6, 10], threshold: 127, limit: 15}
    chains: 1
    sweeps: 2
    predictions: {per_label: 2}
"""


def write_answers(path):
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 2, (40, 9)).astype(str)
    answers[:, :2] = np.where(answers[:, :2] == "1", "yes", "no")
    answers[rng.random(answers.shape) < 0.1] = ""
    answers = np.column_stack([[f"r{i:02}" for i in range(40)], answers])
    lines = [",".join(["who", *(f"question {i}" for i in range(9))]), *map(",".join, answers)]
    path.write_text("\n".join(lines))


def write_shapes(folder):
    rng = np.random.default_rng(2)
    for label in ("lines", "noise"):
        (folder / label).mkdir(parents=True)
        for i in range(10):
            levels = rng.integers(0, 256, (12, 20), np.uint8)
            if label == "lines":
                levels[i % 12] = 255
            Image.fromarray(levels).save(folder / label / f"{i}.png")


@pytest.fixture(scope="module")
def own(pristine, tmp_path_factory):
    """Return the workflow after runs on both kinds of files. Do not change it; copy it instead."""
    workflow = pristine.copy(tmp_path_factory.mktemp("own") / "copy")
    (workflow.folder / "mine").mkdir()
    write_answers(workflow.folder / "mine/answers.csv")
    write_shapes(workflow.folder / "mine/shapes")
    names = ",".join(f"question {i}" for i in reversed(range(9)))
    (workflow.folder / "mine/more.csv").write_text(
        f"{names},age,who\n{'1,' * 7}no,yes,31,new-1\n{',' * 9}57,new-2\n"
    )
    (workflow.folder / "config/config.yaml").write_text(CONFIG)
    result = workflow.snakemake()
    assert result.returncode == 0, result.stdout
    return workflow


def summary(workflow, run):
    return json.loads((workflow.folder / f"results/{run}/summary.json").read_text())


def log(workflow, run):
    return (workflow.folder / f"results/{run}/logs/data.txt").read_text()


def test_a_table_with_gaps(own):
    told = summary(own, "answers")
    dataset, _ = sources.load("csv", file=own.folder / "mine/answers.csv", id_column="who")
    written = load_dataset(own.folder / "results/answers/data.npz")
    assert written.sha256 == bitmix.shuffle(dataset, 0).sha256 == told["data"]["sha256"]
    assert told["data"]["shape"] == [40, 9]
    assert told["data"]["labels"] == {}
    assert told["levels"]["question 1"] == ["no", "yes"]
    assert "yes is 1 and no is 0 in question 0, question 1" in log(own, "answers")
    order = written.in_source_order()
    assert written.row_ids[order].tolist() == [f"r{i:02}" for i in range(40)]
    assert np.array_equal(written.values[order], dataset.values, equal_nan=True)
    assert "file" not in told["configuration"]["data"]
    settings = {"chains": 2, "sweeps": 2, "initial": "seeded", "initial_clusters": 5}
    latents = bitmix.sample(written.x, observed=written.observed, progress=False, **settings)
    for chain, latent in enumerate(latents):
        there = bitmix.load_latents(own.folder / f"results/answers/chains/{chain}.pkl")
        np.testing.assert_array_equal(there.assignments, latent.assignments)
        np.testing.assert_array_equal(there.observed, latent.observed)


def test_a_folder_of_images(own):
    told = summary(own, "shapes")
    assert told["data"]["shape"] == [15, 60]
    assert told["data"]["labels"].keys() == {"lines", "noise"}
    assert load_dataset(own.folder / "results/shapes/data.npz").image_shape == (6, 10)


@pytest.mark.parametrize("run", ["answers", "shapes"])
def test_the_figures_are_all_there(own, run):
    figures = summary(own, run)["figures"]
    assert {"grey.png", "binary.png", "trace.png", "predictions.png"} < figures.keys()
    assert not any(figure["blank"] for figure in figures.values())


def test_a_changed_file_makes_its_run_again(own, tmp_path):
    assert "Nothing to be done" in own.snakemake().stdout
    workflow = own.copy(tmp_path / "copy")
    path = workflow.folder / "mine/shapes/noise/3.png"
    Image.fromarray(np.zeros((12, 20), np.uint8)).save(path)
    output = workflow.snakemake("--dry-run").stdout
    assert "shapes: read or fetch the data" in output
    assert "answers: " not in output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{source: csv}", "runs.mine.data.file: missing, the source csv needs it"),
        ("{source: csv, file: a.csv, folder: b}", "runs.mine.data.folder: not for the source csv"),
        ("{source: csv, file: absent.csv}", "runs.mine.data: absent.csv does not exist; a path"),
        ("{source: images, folder: absent}", "runs.mine.data: absent does not exist; a path"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(workflow, data, message):
    (workflow.folder / "config/config.yaml").write_text(f"runs: {{mine: {{data: {data}}}}}\n")
    result = workflow.snakemake()
    assert result.returncode == 1
    *before, last = result.stdout.splitlines()
    assert last.startswith(message)
    assert all(PROFILE in line for line in before)
    assert not (workflow.folder / "results").exists()


IDS = "name,wide,high\n" + "".join(f"person{i},{i % 2},{i % 3 % 2}\n" for i in range(40))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("0,1,1\n0,1\n", "mine.csv, line 2: 2 cells, but line 1 has 3; "),
        (IDS, "mine.csv: every row has another value in column name (person0, person1, "),
    ],
    ids=["ragged", "ids"],
)
def test_what_is_wrong_in_a_file_is_told_last(workflow, table, message):
    (workflow.folder / "mine.csv").write_text(table)
    config = "runs: {mine: {data: {source: csv, file: mine.csv}}}\n"
    (workflow.folder / "config/config.yaml").write_text(config)
    result = workflow.snakemake()
    assert result.returncode == 1
    *before, last = result.stdout.splitlines()
    assert last.startswith(f"data failed: {message}")
    assert len(before) <= 8
    assert not any(word in result.stdout for word in ("Traceback", "Error in rule", "Snakefile"))
    assert result.stdout.count("DataError") == 0
    assert not (workflow.folder / "results/mine/data.npz").exists()


NAMES = [
    "-n $(touch executed) `touch executed`.csv",
    "a b'c\"; touch executed; # }{ *.csv",
    "ä😀\u2028: [1], &a !b @.csv",
]


def test_a_file_may_have_any_name(workflow):
    """Nothing in a name or a setting is executed, and all of it reaches the job."""
    table = "who,$(touch executed),NaN\nr1,no,1\nr2,yes,0\n"
    runs = {}
    for number, name in enumerate(NAMES):
        (workflow.folder / name).write_text(table)
        ones = {"NaN": 1}
        runs[f"run{number}"] = {
            "data": {"source": "csv", "file": name, "id_column": "who", "ones": ones}
        }
    (workflow.folder / "config/config.yaml").write_text(json.dumps({"runs": runs}))
    files = [f"results/{run}/data.npz" for run in runs]
    result = workflow.snakemake(*files)
    assert result.returncode == 0, result.stdout
    for file in files:
        dataset = load_dataset(workflow.folder / file)
        assert dataset.feature_names == ("$(touch executed)", "NaN")
    assert not list(workflow.folder.rglob("executed"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("runs: !!python/object/apply:os.system [touch executed]", "python/object/apply"),
        ("runs: {a: {data: {file: &a [*a]}}}", "aliases"),
        ("runs: {mine: {data: {source: csv, file: [x}}}", "config/config.yaml, line 1: "),
        ('runs: {mine: {data: {source: csv, file: "{run}"}}}', "has braces or a line break"),
    ],
)
def test_hostile_configurations_are_refused(workflow, config, message):
    (workflow.folder / "config/config.yaml").write_text(config)
    result = workflow.snakemake()
    assert result.returncode == 1
    assert message in result.stdout and "Traceback" not in result.stdout
    assert len(result.stdout.splitlines()) <= 8
    assert not list(workflow.folder.rglob("executed"))


def test_a_table_alone_is_sampled_until_its_chains_have_mixed(workflow):
    answers = np.random.default_rng(1).integers(0, 2, (12, 3))
    lines = ["a,b,c", *(",".join(map(str, row)) for row in answers)]
    (workflow.folder / "answers.csv").write_text("\n".join(lines))
    config = "runs: {answers: {data: {source: csv, file: answers.csv}}}\n"
    (workflow.folder / "config/config.yaml").write_text(config)
    result = workflow.snakemake("results/answers/chains/0.pkl")
    assert result.returncode == 0, result.stdout
    files = [workflow.folder / f"results/answers/chains/{chain}.pkl" for chain in range(4)]
    latents = [bitmix.load_latents(file) for file in files]
    dataset = load_dataset(workflow.folder / "results/answers/data.npz")
    assert bitmix.diagnose(latents, dataset.x).mixed
    assert f"{latents[0].sweeps:,} sweeps: These chains have mixed" in result.stdout
    again, _ = bitmix.sample_until_mixed(dataset.x, progress=False)
    for one, other in zip(latents, again, strict=True):
        np.testing.assert_array_equal(one.trace["log_joint"], other.trace["log_joint"])


def test_new_rows_are_classified(own, tmp_path):
    workflow = own.copy(tmp_path / "copy")
    result = workflow.snakemake("classify")
    assert result.returncode == 0, result.stdout
    members, classified = (
        pd.read_csv(workflow.folder / f"results/answers/{name}.csv", index_col="who")
        for name in ("members", "classified")
    )
    assert classified.index.tolist() == ["new-1", "new-2"]
    assert classified.columns.tolist() == members.columns.tolist()
    np.testing.assert_allclose(classified.iloc[:, 2:].sum(axis=1), 1, atol=1e-3)


def test_a_table_has_classes_and_images_have_none(own):
    folder = own.folder / "results/answers"
    members = (folder / "members.csv").read_text().splitlines()
    assert members[0].split(",")[1:3] == ["class", "certainty"]
    assert len(members) == 41
    for name in ("classes.csv", "imputed.csv", "number-of-classes.csv", "together.npz"):
        assert (folder / name).exists()
    assert (folder / "classes.md").read_text()
    assert not (own.folder / "results/shapes/members.csv").exists()


OF_IMAGES = re.compile(r"pixel(?!_shape)|digit|MNIST|handwrit|grey level|twos", re.IGNORECASE)


def test_nothing_of_a_table_speaks_of_images(own):
    folder = own.folder / "results/answers"
    texts = {path: path.read_text() for path in folder.rglob("*.alt.txt")}
    for path in (folder / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        shown = [cell.source for cell in cells if cell.cell_type == "markdown"]
        shown += [output.get("text", "") for cell in cells for output in cell.get("outputs", [])]
        texts[path] = "\n".join(shown)
    assert len(texts) > 20
    for path in (folder / "classes.md", folder / "members.csv", folder / "consensus.csv"):
        texts[path] = path.read_text()
    told = {str(path): OF_IMAGES.findall(text) for path, text in texts.items()}
    assert {path: words for path, words in told.items() if words} == {}
    images = (own.folder / "results/shapes/notebooks/01-data.ipynb").read_text()
    assert OF_IMAGES.search(images)


def test_figures_of_a_table_name_features_and_rows(own):
    figures = own.folder / "results/answers/figures"
    for name in ("binary", "certainty", "clusters/chain-0", "consensus"):
        assert "question 3" in (figures / f"{name}.svg").read_text(), name
    for name in ("binary", "certainty"):
        assert re.search(r"<!-- r\d\d -->", (figures / f"{name}.svg").read_text())
    rows = pd.read_csv(own.folder / "results/answers/consensus.csv")
    assert rows["who"].tolist() == [f"r{i:02}" for i in range(40)]


@pytest.mark.slow
@pytest.mark.parametrize("run", ["answers", "shapes"])
def test_a_run_elsewhere_gives_the_same_bytes(own, tmp_path, run):
    assert_same(own.folder / f"results/{run}", run_elsewhere(own, tmp_path, run))
