"""The provenance of a run, as a Provenance Run Crate.

`ro-crate-metadata.json` describes the folder of a run in JSON-LD, after the profile
https://w3id.org/ro/wfrun/provenance/0.5: the workflow with its settings, each job with its inputs,
outputs and times, each file with its SHA-256, the code, the machine and the packages. RO-Crate
wants the workflow inside the folder, so the Snakefile and the rules are copied there.
"""

import itertools
import json
import mimetypes
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bitmix.io import atomic_write, read_sealed_json, write_json
from bitmix.workflow.environment import PACKAGE, environment
from bitmix.workflow.records import Job, read_jobs

Entity = dict[str, Any]

NAME = "ro-crate-metadata.json"
#: The copy of the workflow in the folder of a run.
WORKFLOW = "workflow"
#: The identities of settings and of facts about the environment begin with these.
SETTING, FACT = "setting", "environment"
#: The identities of packages begin with this.
PURL = "pkg:pypi/"

_MAIN = f"{WORKFLOW}/Snakefile"
#: The identity of the run as a whole.
RUN = "#run"
_PROFILES = {
    "ro/wfrun/process/0.5": "Process Run Crate",
    "ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".nc": "application/x-hdf5",
    ".npz": "application/x-npz",
    ".pkl": "application/x-pickle",
}
_ENGINE: Entity = {
    "@id": "#snakemake",
    "@type": "SoftwareApplication",
    "name": "Snakemake",
    "url": "https://snakemake.readthedocs.io",
    "softwareVersion": version("snakemake"),
}
_LANGUAGE: Entity = {
    "@id": "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
    "@type": "ComputerLanguage",
    "name": "Snakemake",
    "identifier": "https://doi.org/10.1093/bioinformatics/bts480",
    "url": "https://snakemake.readthedocs.io",
}
_LICENSE: Entity = {
    "@id": "#license",
    "@type": "CreativeWork",
    "name": "not stated",
    "description": "The owner of the data decides about the results.",
}


def write_crate(folder: str, home: str) -> None:
    """Write the provenance of a run, and copy its workflow, into its folder.

    Parameters
    ----------
    folder : str
        The folder of the run, with all of its results.
    home : str
        The folder of the workflow.
    """
    from rocrate.rocrate import ROCrate  # slow to import

    run = Path(folder)
    files = sorted([*_copy_workflow(Path(home), run), *_results(run)])
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_TERMS)
    jobs = read_jobs(run)
    for entity in _entities(run, home, files, jobs):
        crate.add_jsonld(dict(entity))  # it takes the dict apart
    for key, value in _root(run, files, jobs).items():
        crate.root_dataset[key] = value
    write_json(run / NAME, crate.metadata.generate())


def _copy_workflow(home: Path, run: Path) -> list[Path]:
    """Copy the Snakefile and the rules into the folder of a run; return the copies."""
    copies = []
    for source in (home / "Snakefile", *home.glob("rules/*.smk")):
        copy = run / WORKFLOW / source.relative_to(home)
        with atomic_write(copy) as file:
            file.write(source.read_bytes())
        copies.append(copy)
    return copies


def _results(run: Path) -> list[Path]:
    """Return the files of a run without its checkpoints, hidden files and what its crate adds."""
    left_out = (run / NAME, run / WORKFLOW, run / "logs/crate.txt", run / "checkpoints")
    files = (path for path in run.rglob("[!.]*") if path.is_file())
    return [path for path in files if not {path, *path.parents} & set(left_out)]


def _entities(run: Path, home: str, files: Sequence[Path], jobs: Sequence[Job]) -> Iterator[Entity]:
    facts = environment(home)
    settings = _settings(read_sealed_json(run / "summary.json"))
    for path in files:
        if path != run / _MAIN:
            yield _file(path, run)
    yield _file(run / _MAIN, run) | _workflow(facts, settings, jobs)
    yield from settings
    yield from map(_parameter, settings)
    yield from itertools.starmap(_fact, facts.items())
    yield from _steps(jobs)
    yield from (_outer_file(path, run) for path in _outside(jobs, run))
    actions = [_action(job, run) for job in jobs]
    yield from actions
    if jobs:
        yield from _whole(run, jobs, actions, settings, facts)
    yield from (*_profiles(), _ENGINE, _LANGUAGE, _LICENSE)


def _references(entities: Iterable[Entity | str]) -> list[Entity]:
    return [{"@id": one if isinstance(one, str) else one["@id"]} for one in entities]


# The folder -------------------------------------------------------------------------------------


def _root(run: Path, files: Sequence[Path], jobs: Sequence[Job]) -> Entity:
    return {
        "name": f"bitmix run {run.name}",
        "description": f"The results of run {run.name} of bitmix, and how they were made.",
        "datePublished": _time(time.time()),
        "license": {"@id": _LICENSE["@id"]},
        "conformsTo": _references(_profiles()),
        "mainEntity": {"@id": _MAIN},
        "mentions": _references([RUN, *(_job_id(job) for job in jobs)]),
        "hasPart": _references(_identity(path, run) for path in files),
    }


def _profiles() -> list[Entity]:
    return [
        {
            "@id": f"https://w3id.org/{path}",
            "@type": "CreativeWork",
            "name": name,
            "version": path.rpartition("/")[2],
        }
        for path, name in _PROFILES.items()
    ]


def _file(path: Path, run: Path) -> Entity:
    content = path.read_bytes()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return {
        "@id": _identity(path, run),
        "@type": "File",
        "name": path.name,
        "contentSize": str(len(content)),
        "encodingFormat": kind,
        "sha256": sha256(content).hexdigest(),
    }


def _identity(path: Path, run: Path) -> str:
    """Return the identity of a file: its path in the folder of the run, or a name outside it."""
    if run in path.parents:
        return quote(path.relative_to(run).as_posix())
    return f"#outside/{quote(str(path))}"


def _outside(jobs: Sequence[Job], run: Path) -> list[Path]:
    """Return the inputs outside the folder of a run: notebooks, code, and the user's files."""
    inputs = {path for job in jobs for path in _files(job.inputs)}
    return sorted(path for path in inputs if run not in path.parents)


def _outer_file(path: Path, run: Path) -> Entity:
    hashed = sha256(path.read_bytes()).hexdigest()
    name = str(path)
    return {"@id": _identity(path, run), "@type": "CreativeWork", "name": name, "sha256": hashed}


# Settings and environment -----------------------------------------------------------------------


def _value(group: str, name: str, value: str) -> Entity:
    identity = f"#{group}/{quote(name)}"
    return {"@id": identity, "@type": "PropertyValue", "name": name, "value": value}


def _settings(summary: Mapping[str, Any]) -> list[Entity]:
    """Return the settings of a run and the sha256 of its data, as values of parameters."""
    flat = {"data sha256": summary["data"]["sha256"]}
    for name, value in summary["configuration"].items():
        nested = value if isinstance(value, Mapping) else {"": value}
        flat |= {f"{name}.{key}".rstrip("."): item for key, item in nested.items()}
    return [
        {
            **_value(SETTING, name, _text(value)),
            "exampleOfWork": {"@id": f"#parameter/{quote(name)}"},
        }
        for name, value in flat.items()
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parameter(setting: Entity) -> Entity:
    return {
        "@id": setting["exampleOfWork"]["@id"],
        "@type": "FormalParameter",
        "name": setting["name"],
        "additionalType": "Text",
        "workExample": {"@id": setting["@id"]},
    }


def _fact(name: str, value: str) -> Entity:
    """Return a fact of the environment: a package, or a value."""
    if not name.startswith(PACKAGE):
        return _value(FACT, name, value)
    purl = _purl(name, value)
    package = {"name": name.removeprefix(PACKAGE), "softwareVersion": value, "identifier": purl}
    return {"@id": purl, "@type": "SoftwareApplication", **package}


def _purl(package: str, version: str) -> str:
    """Return the identity of a package as a package URL (purl, ECMA-427)."""
    return f"{PURL}{quote(package.removeprefix(PACKAGE))}@{quote(version)}"


# The workflow -----------------------------------------------------------------------------------


def _workflow(facts: Mapping[str, str], settings: Sequence[Entity], jobs: Sequence[Job]) -> Entity:
    packages = (_purl(*fact) for fact in facts.items() if fact[0].startswith(PACKAGE))
    return {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": "bitmix: Dirichlet-process mixtures of binary data",
        "version": version("bitmix"),
        "programmingLanguage": {"@id": _LANGUAGE["@id"]},
        "license": "https://spdx.org/licenses/BSD-3-Clause",
        "softwareRequirements": _references(packages),
        "input": _references(map(_parameter, settings)),
        "hasPart": _references(f"#rule/{rule}" for rule in _rules(jobs)),
        "step": _references(f"{_MAIN}#{rule}" for rule in _rules(jobs)),
    }


def _rules(jobs: Sequence[Job]) -> list[str]:
    return list(dict.fromkeys(job.rule for job in jobs))


def _steps(jobs: Sequence[Job]) -> Iterator[Entity]:
    """Return the steps of the workflow. The tool of each is its rule."""
    for position, rule in enumerate(_rules(jobs)):
        tool = {"@id": f"#rule/{rule}", "@type": "SoftwareApplication", "name": f"rule {rule}"}
        yield tool
        yield {
            "@id": f"{_MAIN}#{rule}",
            "@type": "HowToStep",
            "name": rule,
            "position": str(position),
            "workExample": {"@id": tool["@id"]},
        }


# What happened ----------------------------------------------------------------------------------


def _job_id(job: Job) -> str:
    return f"#job/{job.name}"


def _action(job: Job, run: Path) -> Entity:
    return {
        "@id": _job_id(job),
        "@type": "CreateAction",
        "name": job.name,
        "description": job.command,
        "instrument": {"@id": f"#rule/{job.rule}"},
        "object": _references(_identity(path, run) for path in _files(job.inputs)),
        "result": _references(_identity(path, run) for path in _files(job.outputs)),
        **_during([job]),
    }


def _files(names: Iterable[str]) -> Iterator[Path]:
    """Return files; a folder stands for the files in it."""
    for path in map(Path, names):
        yield from [path] if path.is_file() else sorted(path.rglob("[!.]*"))


def _whole(
    run: Path,
    jobs: Sequence[Job],
    actions: Sequence[Entity],
    settings: Sequence[Entity],
    facts: Mapping[str, str],
) -> Iterator[Entity]:
    """Return the run as a whole, and how Snakemake started its jobs."""
    outside = (_identity(path, run) for path in _outside(jobs, run))
    values = (_fact(*fact) for fact in facts.items() if not fact[0].startswith(PACKAGE))
    yield {
        "@id": RUN,
        "@type": "CreateAction",
        "name": f"run {run.name}",
        "instrument": {"@id": _MAIN},
        "object": _references([*settings, *outside]),
        "result": [result for action in actions for result in action["result"]],
        "additionalProperty": _references(values),
        **_during(jobs),
    }
    starts = [
        {
            "@id": f"#start/{job.name}",
            "@type": "ControlAction",
            "name": f"start {job.name}",
            "instrument": {"@id": f"{_MAIN}#{job.rule}"},
            "object": {"@id": action["@id"]},
        }
        for job, action in zip(jobs, actions, strict=True)
    ]
    yield from starts
    yield {
        "@id": "#organize",
        "@type": "OrganizeAction",
        "name": f"make run {run.name}",
        "instrument": {"@id": _ENGINE["@id"]},
        "object": _references(starts),
        "result": {"@id": RUN},
        **_during(jobs),
    }


def _during(jobs: Sequence[Job]) -> Entity:
    return {
        "startTime": _time(min(job.start for job in jobs)),
        "endTime": _time(max(job.end for job in jobs)),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
