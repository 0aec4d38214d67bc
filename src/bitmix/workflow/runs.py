"""The runs of a configuration: their checks, and their settings for jobs and notebooks."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from math import inf
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from bitmix.automatic.plan import FIRST, table_settings
from bitmix.data import sources
from bitmix.data.files import RELATIVE
from bitmix.sampling import Settings
from bitmix.workflow import grids
from bitmix.workflow.config import ConfigError, resolve

Run = Mapping[str, Any]

#: The settings of a run for its data source, its evaluation and its chains.
SOURCE_SETTINGS = (
    *("source", "labels", "threshold", "folder", "file", "labels_file", "label_column"),
    *("id_column", "ones", "image_shape", "name", "split"),
)
EVALUATION_SETTINGS = (
    *("train", "chains", "sweeps", "initial_clusters", "sweeps_compared", "em_fits"),
    *("stepmix_clusters", "logistic_passes"),
)
DENSITY_SETTINGS = (
    *("folder", "seed", "chains", "trial_chains", "leaves", "reassignments", "states"),
    "initial_clusters",
)
CHAIN_SETTINGS = tuple(field.name for field in fields(Settings))
#: What `sweeps: auto` decides itself.
DECIDED = ("sweeps", "thin", "warmup")


def read_runs(config: Mapping[str, Any], schema_file: str | Path) -> dict[str, Run]:
    """Return the runs of a configuration by name, with every default filled in.

    Parameters
    ----------
    config : mapping
        The configuration.
    schema_file : path-like
        Its JSON schema, in YAML.

    Raises
    ------
    ConfigError
        If a key or a value is not allowed. The message names it and what is allowed.
    """
    given, grids_of_runs = _expanded(config, schema_file)
    try:
        runs = _resolved(given, schema_file)["runs"]
        for name, run in runs.items():
            del run["grid"]
            run |= _automatic(given["runs"][name], run)
            _check(name, run)
    except ConfigError as error:
        raise ConfigError(grids.told(error, grids_of_runs)) from None
    return runs


def read_grids(config: Mapping[str, Any], schema_file: str | Path) -> dict[str, grids.Grid]:
    """Return the runs of each entry with a grid, and the values of each run.

    Parameters and errors are those of `read_runs`.
    """
    return _expanded(config, schema_file)[1]


def _expanded(
    config: Mapping[str, Any], schema_file: str | Path
) -> tuple[dict[str, Any], dict[str, grids.Grid]]:
    """Return a configuration in which no run has a grid, and the grids."""
    entries = config.get("runs")
    entries = entries.values() if isinstance(entries, dict) else ()
    if any("grid" in run for run in entries if isinstance(run, dict)):
        _resolved(config, schema_file)  # the grids are as they should be
        runs, found = grids.expand(config["runs"])
        return {**config, "runs": runs}, found
    return dict(config), {}


def _automatic(given: Run, run: Run) -> dict[str, Any]:
    """Return the settings of a run that is sampled until it has mixed, besides those given.

    That is a run with `sweeps: auto`, or of a table if nothing is said about its chains.
    """
    says = given.keys() & {"chains", "warmup", *CHAIN_SETTINGS}
    if not (run["sweeps"] == "auto" or (is_table(run) and not says)):
        return {}
    settings = {"chains": 4, "sweeps": "auto", **table_settings(run["partition_prior"])}
    if is_table(run):
        settings["predictions"] = None  # half-hidden rows tell much of images, little of answers
    return {key: value for key, value in settings.items() if key not in given}


def is_table(run: Run) -> bool:
    """Return whether the rows of a run come from a table and are no images."""
    return run["data"]["source"] == "csv" and run["data"]["image_shape"] is None


def is_automatic(run: Run) -> bool:
    """Return whether a run is sampled until its chains have mixed."""
    return run["sweeps"] == "auto"


def read_density(config: Mapping[str, Any], schema_file: str | Path) -> dict[str, Run]:
    """Return the settings of `snakemake density` by data set, with every default filled in.

    Parameters and errors are those of `read_runs`.
    """
    return _resolved(config, schema_file)["density"]


def _resolved(config: Mapping[str, Any], schema_file: str | Path) -> dict[str, Any]:
    return resolve(config, _schema(schema_file))


@cache
def _schema(file: str | Path) -> Mapping[str, Any]:
    return yaml.safe_load(Path(file).read_text())


def _check(name: str, run: Run) -> None:
    """Check what the schema cannot: values that depend on each other."""
    try:
        sources.check_settings(**source(run))
    except ValueError as error:
        raise ConfigError(f"runs.{name}.data.{error}") from None
    _check_path(f"runs.{name}.classify", run["classify"] or "")
    if run["classify"] is not None and not is_table(run):
        raise ConfigError(
            f"runs.{name}.classify: only for the source csv without image_shape; leave it out"
        )
    settings = chain_settings(run)
    if is_automatic(run):
        _check_automatic(name, run)
        settings["sweeps"] = FIRST  # the least, unless the data are very large
    try:
        Settings(**settings)
    except ValueError as error:
        raise ConfigError(f"runs.{name}.{error}") from None
    if not is_automatic(run) and run["warmup"] is not None and run["warmup"] >= run["sweeps"]:
        raise ConfigError(
            f"runs.{name}.warmup: must be below the sweeps of the run, {run['sweeps']}"
        )


def _check_automatic(name: str, run: Run) -> None:
    for key in ("thin", "warmup"):
        if run[key] is not None:
            raise ConfigError(f"runs.{name}.{key}: `sweeps: auto` decides it; leave it out")
    if run["chains"] < 2:
        raise ConfigError(
            f"runs.{name}.chains: one chain cannot show that it has mixed; `sweeps: auto` needs 2"
        )


def source(run: Run) -> dict[str, Any]:
    """Return the settings of a run's data source, for `bitmix.data.sources.load`."""
    given = {key: value for key, value in run["data"].items() if value is not None}
    return {key: value for key, value in given.items() if key != "limit"}


def data_files(runs: Mapping[str, Run], name: str) -> list[str]:
    """Return the user's files that contain the data of a run.

    Raises
    ------
    ConfigError
        If one does not exist, or has a name that Snakemake cannot read.
    """
    files = sources.files(**source(runs[name]))
    for file in files:
        _check_path(f"runs.{name}.data", str(file))
        if not file.exists():
            raise ConfigError(f"runs.{name}.data: {file} does not exist; {RELATIVE}")
    return [str(file) for file in files]


def _check_path(where: str, path: str) -> None:
    if re.search(r"\{.*\}|[\r\n]", path, re.DOTALL):
        raise ConfigError(
            f"{where}: {path!r} has braces or a line break, which Snakemake reads as something "
            "else; rename the file"
        )


def identity(run: Run) -> dict[str, Any]:
    """Return the settings on which the results of a run depend."""
    return {
        key: value for key, value in run.items() if key not in ("classify", "evaluation", "opt_in")
    }


def either(names: Sequence[str]) -> str:
    """Return a regular expression that matches only the names."""
    return "|".join(names) or "(?!)"


def chain_settings(run: Run) -> dict[str, Any]:
    """Return the settings of a run's chains, for `bitmix.sampling.Settings`."""
    return {name: run[name] for name in CHAIN_SETTINGS}


def value(run: Run, *keys: str) -> Any:
    """Return the value under nested keys."""
    for key in keys:
        run = run[key]
    return run


# Parameters on a command line -------------------------------------------------------------------
#
# Snakemake compares the params of a job as a set. Each contains its name, so that Snakemake notices
# when two values are exchanged.


def for_notebook(name: str, value: Any) -> str:
    """Return papermill's option for a parameter of a notebook."""
    if isinstance(value, list | dict):
        plain = json.loads(json.dumps(value))  # Snakemake's paths are no plain strings
        text = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=inf)
        return f"-y {quote(f'{name}: {text.strip()}')}"
    return f"-p {name} {quote(str(value))}"


def for_job(name: str, value: Any) -> str:
    """Return the argument of `bitmix.workflow.jobs` for a parameter of a job."""
    plain = isinstance(value, str) and not _is_json(value)
    return quote(f"{name}={value if plain else json.dumps(value)}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (RecursionError, ValueError):
        return False
    return True


def setting(
    runs: Mapping[str, Run], form: Callable[[str, Any], str], name: str, keys: Sequence[str] = ()
) -> Callable[[Any], str]:
    """Return a function that tells Snakemake a run's setting, given the wildcards of a job.

    Parameters
    ----------
    runs : mapping
        From `read_runs`.
    form : function
        `for_notebook` or `for_job`.
    name : str
        The parameter.
    keys : sequence of str
        The keys of the value in a run; the name by default.
    """

    def option(wildcards: Any) -> str:
        return form(name, value(runs[wildcards.run], *(keys or [name])))

    return option
