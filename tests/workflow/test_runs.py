"""The settings of runs: what a run says, and what follows from its data."""

import re
import shlex
from pathlib import Path

import pytest

from bitmix.automatic.plan import table_settings
from bitmix.workflow import runs
from bitmix.workflow.config import ConfigError

SCHEMA = Path(__file__).parents[2] / "config/schema.yaml"
TABLE = {"source": "csv", "file": "a.csv", "id_column": "who"}
ARRAY = {"source": "array", "file": "a.npy"}


def read(**run):
    return runs.read_runs({"runs": {"mine": run}}, SCHEMA)["mine"]


@pytest.mark.parametrize("entries", [None, "mine", 3, ["mine"]])
def test_runs_must_be_a_group_of_keys(entries):
    with pytest.raises(ConfigError, match="runs: must be a group of keys"):
        runs.read_runs({"runs": entries}, SCHEMA)


def test_a_table_alone_is_sampled_until_its_chains_have_mixed():
    run = read(data=TABLE)
    assert runs.is_table(run) and runs.is_automatic(run)
    assert run["chains"] == 4
    assert table_settings().items() <= run.items()
    assert (run["seed"], run["thin"], run["warmup"]) == (0, None, None)
    assert runs.is_automatic(read(data=TABLE, seed=3, predictions=None, opt_in=True))


@pytest.mark.parametrize(
    "run",
    [
        {"data": {"labels": [1, 7]}},
        {"data": ARRAY},
        {"data": TABLE | {"image_shape": [2, 3]}},
        {"data": TABLE, "chains": 3},
        {"data": TABLE, "sweeps": 20},
        {"data": TABLE, "moves": ["assign"]},
        {"data": TABLE, "warmup": 2},
    ],
)
def test_runs_of_images_and_runs_that_say_more_keep_their_defaults(run):
    found = read(**run)
    others = read(**({"data": {}} | {key: run[key] for key in run.keys() - {"data"}}))
    assert not runs.is_automatic(found)
    assert {**found, "data": None} == {**others, "data": None}


def test_auto_goes_with_every_source_and_with_other_settings():
    run = read(data=ARRAY, sweeps="auto", chains=6, initial="single", concentration=2.0)
    assert runs.is_automatic(run)
    assert (run["chains"], run["initial"], run["concentration"]) == (6, "single", 2.0)
    assert run["moves"] == table_settings()["moves"]
    assert read(data=TABLE, sweeps="auto", annealing=1999)["annealing"] == 1999
    run = read(data=TABLE, sweeps="auto", partition_prior="mfm")
    assert run["moves"] == ["assign", "feature_priors"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"thin": 5}, "runs.mine.thin: `sweeps: auto` decides it; leave it out"),
        ({"warmup": 5}, "runs.mine.warmup: `sweeps: auto` decides it; leave it out"),
        ({"annealing": 2000}, "runs.mine.annealing is 2000, but there are only 2000 sweeps"),
        ({"chains": 1}, "runs.mine.chains: one chain cannot show that it has mixed"),
        ({"partition_prior": "mfm", "moves": ["assign", "concentration"]}, "moves has 'concentr"),
    ],
)
def test_what_does_not_go_with_auto_is_refused(settings, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        read(data=TABLE, sweeps="auto", **settings)


def test_only_tables_have_new_rows_to_classify():
    assert read(data=TABLE, classify="b.csv")["classify"] == "b.csv"
    with pytest.raises(ConfigError, match=r"runs.mine.classify: only for the source csv"):
        read(classify="b.csv")


def test_one_job_samples_the_chains_of_a_table(workflow):
    (workflow.folder / "answers.csv").write_text("a,b\nyes,no\nno,no\n")
    config = "runs: {answers: {data: {source: csv, file: answers.csv}}}\n"
    (workflow.folder / "config/config.yaml").write_text(config)
    output = workflow.snakemake("--dry-run", "--printshellcmds").stdout
    (command,) = re.findall(r"workflow.jobs chains (.*) 2> ", output)
    given = dict(argument.split("=", 1) for argument in shlex.split(command))
    decided = set(runs.CHAIN_SETTINGS) - set(runs.DECIDED)
    assert given.keys() == decided | {
        *(
            "data_file",
            "chain_files",
            "times_files",
            "checkpoint_folder",
            "chains",
            "seed",
            "threads",
        )
    }
    assert given["threads"] == "2"
    assert given["chain_files"].count(".pkl") == 4
    assert "workflow.jobs chain " not in output
