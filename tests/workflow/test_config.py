"""The configuration: its schema, its errors, its defaults."""

import inspect
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml

import bitmix
from bitmix import density
from bitmix.data import debd
from bitmix.data.sources import SOURCES
from bitmix.model import HYPERPRIORS
from bitmix.sampling.initial import INITIAL
from bitmix.sampling.moves import ALIASES, MOVES
from bitmix.sampling.settings import Settings
from bitmix.workflow import runs
from bitmix.workflow.config import ConfigError, check_yaml, resolve, retype

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
RUN = SCHEMA["properties"]["runs"]["additionalProperties"]["properties"]


def test_the_schema_knows_what_the_package_has():
    assert RUN["moves"]["items"]["enum"] == [*MOVES, *ALIASES]
    assert RUN["hyperprior"]["enum"] == list(HYPERPRIORS)
    assert RUN["initial"]["enum"] == list(INITIAL)


def test_the_schema_knows_the_sources_and_their_keys():
    data = RUN["data"]["properties"]
    assert data["source"]["enum"] == list(SOURCES)
    taken = {key for source in SOURCES.values() for key in inspect.signature(source).parameters}
    assert data.keys() - {"source", "limit"} == taken


def test_the_schema_knows_the_sets_of_debd():
    data, sets = RUN["data"]["properties"], SCHEMA["properties"]["density"]
    assert data["name"]["enum"] == [None, *debd.SHA256]
    assert data["split"]["enum"] == [None, *debd.SPLITS]
    assert sets["propertyNames"]["enum"] == list(debd.SHA256)


def test_the_committed_configuration_has_all_sets_of_debd_with_the_same_defaults():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    sets = resolve(config, SCHEMA)["density"]
    assert list(sets) == list(debd.SHA256)
    first, *others = sets.values()
    assert all(settings == first for settings in others)
    assert {"folder", *(field.name for field in fields(density.Settings))} == first.keys()
    assert set(runs.DENSITY_SETTINGS) == first.keys()


def test_the_defaults_are_those_of_sample():
    parameters = inspect.signature(bitmix.sample).parameters
    defaults = {key: parameters[key].default for key in parameters.keys() & RUN.keys()}
    assert defaults.keys() == {"chains", "seed", *asdict(Settings())}
    for key, default in defaults.items():
        assert RUN[key]["default"] == (list(default) if isinstance(default, tuple) else default)


def test_the_committed_configuration_is_the_study():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    tutorial = resolve(config, SCHEMA)["runs"]["tutorial"]
    study = resolve({"runs": {"study": {}}}, SCHEMA)["runs"]["study"]
    mnist = inspect.signature(bitmix.load_mnist).parameters
    study["data"] |= {"labels": list(mnist["labels"].default), "threshold": 0}
    study["evaluation"]["train"] = 10_000  # as for the reference scores
    assert {**tutorial, "seed": 0} == study


def test_defaults_fill_what_is_absent_and_keep_what_is_there():
    config = {"runs": {"mine": {"chains": 2, "data": {"labels": [7]}}}}
    run = resolve(config, SCHEMA)["runs"]["mine"]
    assert (run["chains"], run["sweeps"]) == (2, 5)
    assert run["data"]["source"] == "mnist"
    assert run["data"]["labels"] == [7]
    assert run["data"]["limit"] is None
    assert config == {"runs": {"mine": {"chains": 2, "data": {"labels": [7]}}}}


def test_an_evaluation_may_be_left_out():
    assert resolve({"runs": {"a": {"evaluation": None}}}, SCHEMA)["runs"]["a"]["evaluation"] is None


def test_a_message_has_at_most_twenty_problems():
    with pytest.raises(ConfigError) as error:
        resolve({"runs": {"a": {"moves": ["asign"] * 50}}}, SCHEMA)
    first, *problems, last = str(error.value).splitlines()
    assert first == "the configuration cannot be used:" and len(problems) == 20
    assert last == "  and 31 more"  # one of them: it must include assign


def test_runs_do_not_share_their_defaults():
    runs = resolve({"runs": {"a": {}, "b": {}}}, SCHEMA)["runs"]
    runs["a"]["moves"].append("none")
    assert runs["b"]["moves"] == ["assign", "pixel_priors"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "runs: missing"),
        ({"run": {}, "runs": {"a": {}}}, "run: unknown key, did you mean runs?"),
        ({"runs": {}}, "runs: "),
        ({"runs": {"a": None}}, "runs.a: must be a group of keys, but is None"),
        ({"runs": {"a b": {}}}, "runs: 'a b' is not allowed (a run's name is made of letters"),
        ({"runs": {"a": {"sweps": 5}}}, "runs.a.sweps: unknown key, did you mean sweeps?"),
        ({"runs": {"a": {"x": 5}}}, "runs.a.x: unknown key; allowed: data, seed, chains"),
        (
            {"runs": {"a": {"sweeps": "5"}}},
            "sweeps: must be a whole number of at least 1 or auto, but is '5'",
        ),
        ({"runs": {"a": {"sweeps": 2.5}}}, "a whole number of at least 1 or auto, but is 2.5"),
        ({"runs": {"a": {"sweeps": True}}}, "a whole number of at least 1 or auto, but is True"),
        ({"runs": {"a": {"chains": 0}}}, "runs.a.chains: must be at least 1, but is 0"),
        ({"runs": {"a": {"concentration": 0}}}, "runs.a.concentration: must be above 0, but is 0"),
        ({"runs": {"a": {"data": {"threshold": 255}}}}, "runs.a.data.threshold: must be at most"),
        ({"runs": {"a": {"data": {"labels": [2, 2]}}}}, "runs.a.data.labels: "),
        ({"runs": {"a": {"data": {"labels": [2, 10]}}}}, "runs.a.data.labels.1: must be at most 9"),
        (
            {"runs": {"a": {"data": {"labels": ["x"]}}}},
            "must be a whole number, but is 'x'",
        ),
        (
            {"runs": {"a": {"data": {"source": "cvs"}}}},
            "'cvs' is not known, did you mean csv",
        ),
        ({"runs": {"a": {"initial": "sorted"}}}, "runs.a.initial: 'sorted' is not known"),
        ({"runs": {"a": {"moves": ["asign"]}}}, "'asign' is not known, did you mean assign?"),
        ({"runs": {"a": {"moves": ["pixel_priors"]}}}, "runs.a.moves: must include assign"),
        ({"runs": {"a": {"hyperprior": "flat"}}}, "allowed: exponential, bda"),
        ({"runs": {"a": {"initial": "single", "thin": 0}}}, "runs.a.thin: must be at least 1"),
        ({"runs": {"a": {"opt_in": "yes"}}}, "runs.a.opt_in: must be true or false, but is 'yes'"),
        ({"runs": {"a": {"concentration_prior": [1]}}}, "runs.a.concentration_prior: "),
        ({"runs": {"a": {"data": {"limit": "all"}}}}, "must be a whole number or null"),
    ],
)
def test_errors_name_the_key_and_what_is_allowed(config, message):
    with pytest.raises(ConfigError) as error:
        resolve(config, SCHEMA)
    assert message in str(error.value)


def test_all_errors_come_at_once():
    with pytest.raises(ConfigError) as error:
        resolve({"runs": {"a": {"sweps": 5, "chains": 0}}}, SCHEMA)
    assert "runs.a.sweps" in str(error.value)
    assert "runs.a.chains" in str(error.value)


def test_retype_finds_numbers_booleans_and_null():
    given = {"a": {"b": "5", "c": ["2", "x"], "d": "null", "e": 1.5, "f": "true"}}
    assert retype(given) == {"a": {"b": 5, "c": [2, "x"], "d": None, "e": 1.5, "f": True}}


@pytest.mark.parametrize(
    "text",
    ["a #b.csv", "a: b", "{x", "@x", "*", "&a [*a]", "2001-01-01", "!!python/name:os.system"],
)
def test_retype_leaves_other_text_as_it_is(text):
    assert retype({"file": text}) == {"file": text}


def test_aliases_without_end_are_refused():
    endless = {"runs": {}}
    endless["runs"]["a"] = endless
    many = ["x"] * 10
    for _ in range(9):
        many = [many] * 10
    for config in (endless, {"runs": {"a": {"data": {"labels": many}}}}):
        with pytest.raises(ConfigError, match="more than 100,000 items, perhaps by aliases"):
            resolve(config, SCHEMA)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_program_can_be_given_is_refused(text):
    with pytest.raises(ConfigError, match="text that no file or name can have"):
        resolve({"runs": {"a": {"data": {"file": text}}}}, SCHEMA)


def test_other_sources_have_labels_of_any_kind():
    data = {"source": "csv", "file": "a.csv", "labels": ["x", 12]}
    assert resolve({"runs": {"a": {"data": data}}}, SCHEMA)["runs"]["a"]["data"]["labels"][0] == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs:\n  a: [1\n  b: 2\n", r"config\.yaml, line 3: .*; correct the YAML there"),
        ("a: !!python/name:os.system x", "line 1: .*python/name:os.system"),
        ("[" * 5000, "correct the YAML there"),
        ("a: \x01", "special characters are not allowed"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        check_yaml(tmp_path / "config.yaml")
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_yaml_or_absent_is_left_to_snakemake(tmp_path):
    check_yaml(ROOT / "config/config.yaml")
    check_yaml(tmp_path / "absent.yaml")
