# The study, once for each run in config/config.yaml:
#
#   data -> chain (one job a chain) -> clusters, predictions, diagnostics, consensus -> summary
#   -> check
#
# The first stages are notebooks. A notebook gets every value that it needs as a parameter; it is
# executed as the rule's log, and copied to the output only when it ends well, so that a notebook
# that fails leaves its traceback in the log and no output.

import json
import os
import sys
import time
from dataclasses import fields
from pathlib import Path
from shlex import quote

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version, update_config

from bitmix.workflow import checks, summary
from bitmix.data import sources
from bitmix.io import read_json
from bitmix.workflow.config import ConfigError, resolve, retype
from bitmix.workflow.locks import clear_stale_locks
from bitmix.sampling.settings import Settings

min_version("9.0")


configfile: "config/config.yaml"


START = time.time()

if workflow.is_main_process:  # killed, it may have left its lock, and is to continue all the same
    clear_stale_locks(Path(".snakemake"))

update_config(config, retype(workflow.config_settings.config))
try:
    RUNS = resolve(config, yaml.safe_load(Path("config/schema.yaml").read_text()))["runs"]
except ConfigError as error:
    raise WorkflowError(str(error)) from None


def source(run):
    """What a run says of the source of its data; the limit applies to what comes from there."""
    return {key: value for key, value in RUNS[run]["data"].items() if key != "limit"}


for run in RUNS:
    try:
        sources.check(**source(run))
    except ValueError as error:
        raise WorkflowError(f"runs.{run}.data.{error}") from None
    sweeps, warmup = RUNS[run]["sweeps"], RUNS[run]["warmup"]
    if warmup is not None and warmup >= sweeps:
        raise WorkflowError(f"runs.{run}.warmup: must be below the run's sweeps, {sweeps}")

# Snakemake does not see what a notebook imports, so rules have the package's sources as input. What
# runs is the installed package, which must therefore be made of them.
if stale := checks.stale_sources(Path("src/bitmix")):
    raise WorkflowError(f"not installed as they are now: {', '.join(stale)}: run `make install`")
SOURCES = [str(path) for path in checks.sources(Path("src/bitmix"))]
APART = (
    "summary.py",
    "checks.py",
    "config.py",
    "engine.py",
    "evaluation.py",
    "diagnostics.py",
    "locks.py",
)
CODE = [path for path in SOURCES if not path.endswith(APART)]

# The runs that are made unasked, and of these the ones whose numbers are known.
UNASKED = [run for run in RUNS if not RUNS[run]["opt_in"]]
REPRODUCED = [run for run in UNASKED if Path(f"tests/expected/{run}.json").exists()]

# The runs that `snakemake evaluation` judges.
EVALUATED = [run for run in RUNS if RUNS[run]["evaluation"]]

# The programs of this Python are found also where its environment is not activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))


def setting(name, *keys):
    """A run's setting as papermill's option for the parameter `name`, its key unless `keys` are.

    The name makes it another param than an equal value of another setting: Snakemake compares the
    params of a job as a set, and would not see two values that change places.
    """

    def option(wildcards):
        value = RUNS[wildcards.run]
        for key in keys or [name]:
            value = value[key]
        return listed(name, value) if isinstance(value, list) else f"-p {name} {quote(str(value))}"

    return option


def listed(name, values):
    """Papermill's option for a parameter that is a list."""
    return f"-y {quote(f'{name}: {json.dumps(values)}')}"


def chain_files(wildcards):
    chains = range(RUNS[wildcards.run]["chains"])
    return expand(rules.chain.output.chain_file, chain=chains, run=wildcards.run)


# The command of every stage: its params are the notebook's parameters.
EXECUTE = """
papermill {input.notebook} {log.notebook} --engine bitmix --kernel python3 --no-progress-bar \\
    --log-level ERROR --stderr-file - {params} 2> {log.messages} \\
    || {{ tail -n 30 {log.messages} >&2; exit 1; }}
cp {log.notebook} {output.notebook}
"""
DATA_FILE = "-p data_file results/{run}/data.npz"
CHAIN_FILES = lambda wildcards: listed("chain_files", chain_files(wildcards))
FIGURES_FOLDER = "-p figures_folder results/{run}/figures"
CHAIN_SETTINGS = [field.name for field in fields(Settings)]


def figure(name, section, title):
    """A figure as the report shows it; `others` are the same as SVG and in words."""
    return report(
        f"results/{{run}}/figures/{name}.png",
        caption=f"config/captions/{name}.rst",
        category="{run}",
        subcategory=section,
        labels={"figure": title},
    )


def others(*names):
    return expand("results/{{run}}/figures/{name}{suffix}", name=names, suffix=[".svg", ".alt.txt"])


wildcard_constraints:
    run="[A-Za-z0-9_-]+",
    chain=r"\d+",


localrules:
    all,
    summary,
    check,
    table,
    evaluation,
    expected,


rule data:
    input:
        notebook="notebooks/01-data.ipynb",
        files=lambda wildcards: sources.files(**source(wildcards.run)),
        code=CODE,
    output:
        notebook="results/{run}/notebooks/01-data.ipynb",
        data_file="results/{run}/data.npz",
        grey=figure("grey", "1 data", "the data in grey levels"),
        binary=figure("binary", "1 data", "the binary data"),
        others=others("grey", "binary"),
    log:
        notebook="results/{run}/logs/01-data.ipynb",
        messages="results/{run}/logs/01-data.txt",
    benchmark:
        "results/{run}/benchmarks/01-data.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        DATA_FILE,
        FIGURES_FOLDER,
        setting("source", "data", "source"),
        setting("labels", "data", "labels"),
        setting("threshold", "data", "threshold"),
        setting("folder", "data", "folder"),
        setting("file", "data", "file"),
        setting("labels_file", "data", "labels_file"),
        setting("label_column", "data", "label_column"),
        setting("image_shape", "data", "image_shape"),
        setting("limit", "data", "limit"),
        setting("seed"),
    message:
        "{wildcards.run}: the data, fetched or read, made binary, shuffled"
    shell:
        EXECUTE


rule chain:
    input:
        notebook="notebooks/02-model.ipynb",
        data_file=rules.data.output.data_file,
        code=CODE,
    output:
        notebook="results/{run}/notebooks/02-model-{chain}.ipynb",
        chain_file="results/{run}/chains/{chain}.pkl",
    log:
        notebook="results/{run}/logs/02-model-{chain}.ipynb",
        messages="results/{run}/logs/02-model-{chain}.txt",
    benchmark:
        "results/{run}/benchmarks/02-model-{chain}.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        DATA_FILE,
        "-p chain_file results/{run}/chains/{chain}.pkl",
        "-p chain {chain}",
        "-p progress log",
        # Not an output: Snakemake deletes those of a job that it starts again.
        "-p checkpoint_folder results/{run}/checkpoints",
        setting("seed"),
        *map(setting, CHAIN_SETTINGS),
    message:
        "{wildcards.run}: chain {wildcards.chain}"
    shell:
        EXECUTE


rule clusters:
    input:
        notebook="notebooks/03-clusters.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=CODE,
    output:
        notebook="results/{run}/notebooks/03-clusters.ipynb",
        trace=figure("trace", "2 chains", "log joint and number of clusters"),
        others=others("trace"),
        clusters=report(
            directory("results/{run}/figures/clusters"),
            patterns=["{name}.png"],
            caption="config/captions/clusters.rst",
            category="{run}",
            subcategory="3 clusters",
            labels={"figure": "{name}"},
        ),
    log:
        notebook="results/{run}/logs/03-clusters.ipynb",
        messages="results/{run}/logs/03-clusters.txt",
    benchmark:
        "results/{run}/benchmarks/03-clusters.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        DATA_FILE,
        CHAIN_FILES,
        FIGURES_FOLDER,
    message:
        "{wildcards.run}: the traces and clusters of all chains"
    shell:
        EXECUTE


rule predictions:
    input:
        notebook="notebooks/06-predictions.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=CODE,
    output:
        notebook="results/{run}/notebooks/06-predictions.ipynb",
        predictions=figure("predictions", "4 predictions", "half-hidden data completed"),
        others=others("predictions"),
    log:
        notebook="results/{run}/logs/06-predictions.ipynb",
        messages="results/{run}/logs/06-predictions.txt",
    benchmark:
        "results/{run}/benchmarks/06-predictions.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        DATA_FILE,
        CHAIN_FILES,
        FIGURES_FOLDER,
        setting("warmup"),
        setting("per_label", "predictions", "per_label"),
        setting("samples_per_chain", "predictions", "samples_per_chain"),
        setting("seed"),
    message:
        "{wildcards.run}: completions of half-hidden images"
    shell:
        EXECUTE


rule diagnostics:
    input:
        notebook="notebooks/04-mixing.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=[*CODE, "src/bitmix/diagnostics/diagnostics.py", "src/bitmix/workflow/summary.py"],
    output:
        notebook="results/{run}/notebooks/04-mixing.ipynb",
        diagnostics="results/{run}/diagnostics.json",
        draws="results/{run}/diagnostics.nc",
        trace=figure("diagnostics-trace", "6 diagnostics", "what is compared, by sweep"),
        ranks=figure("diagnostics-ranks", "6 diagnostics", "ranks"),
        autocorrelation=figure("diagnostics-autocorrelation", "6 diagnostics", "autocorrelation"),
        others=others("diagnostics-trace", "diagnostics-ranks", "diagnostics-autocorrelation"),
    log:
        notebook="results/{run}/logs/04-mixing.ipynb",
        messages="results/{run}/logs/04-mixing.txt",
    benchmark:
        "results/{run}/benchmarks/04-mixing.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        DATA_FILE,
        CHAIN_FILES,
        FIGURES_FOLDER,
        "-p diagnostics_file results/{run}/diagnostics.json",
        setting("warmup"),
    message:
        "{wildcards.run}: have the chains mixed?"
    shell:
        EXECUTE


rule consensus:
    input:
        notebook="notebooks/05-consensus.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=[*CODE, "src/bitmix/workflow/summary.py"],
    output:
        notebook="results/{run}/notebooks/05-consensus.ipynb",
        consensus="results/{run}/consensus.json",
        table="results/{run}/consensus.csv",
        agreement=figure("agreement", "7 consensus", "agreement between the chains"),
        clusters=figure("consensus", "7 consensus", "the clusters of the consensus"),
        coclustering=figure("coclustering", "7 consensus", "who belongs together"),
        certainty=figure("certainty", "7 consensus", "the most and least certain"),
        others=others("agreement", "consensus", "coclustering", "certainty"),
    log:
        notebook="results/{run}/logs/05-consensus.ipynb",
        messages="results/{run}/logs/05-consensus.txt",
    benchmark:
        "results/{run}/benchmarks/05-consensus.tsv"
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        DATA_FILE,
        CHAIN_FILES,
        FIGURES_FOLDER,
        "-p consensus_file results/{run}/consensus.json",
        setting("warmup"),
        setting("seed"),
    message:
        "{wildcards.run}: one partition for all, and what is uncertain about it"
    shell:
        EXECUTE


rule summary:
    input:
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        figures=[
            rules.data.output.grey,
            rules.data.output.binary,
            rules.clusters.output.trace,
            rules.clusters.output.clusters,
            rules.predictions.output.predictions,
            rules.diagnostics.output.trace,
            rules.diagnostics.output.ranks,
            rules.diagnostics.output.autocorrelation,
            rules.consensus.output.agreement,
            rules.consensus.output.clusters,
            rules.consensus.output.coclustering,
            rules.consensus.output.certainty,
        ],
        code=[*CODE, "src/bitmix/workflow/summary.py"],
    output:
        summary="results/{run}/summary.json",
    log:
        "results/{run}/logs/summary.txt",
    benchmark:
        "results/{run}/benchmarks/summary.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        configuration=lambda wildcards: {
            key: value
            for key, value in RUNS[wildcards.run].items()
            if key not in ("evaluation", "opt_in")
        },
        figures_folder=lambda wildcards: f"results/{wildcards.run}/figures",
    message:
        "{wildcards.run}: the numbers of the run in one file"
    run:
        summary.write_summary(
            output.summary,
            params.configuration,
            input.data_file,
            input.chain_files,
            params.figures_folder,
        )


def products(run):
    """Everything that a run makes, so that what is missing is made again."""
    stages = (
        rules.data,
        rules.clusters,
        rules.predictions,
        rules.diagnostics,
        rules.consensus,
        rules.summary,
    )
    chains = expand(rules.chain.output, run=run, chain=range(RUNS[run]["chains"]))
    return chains + [file for stage in stages for file in expand(stage.output, run=run)]


rule all:
    default_target: True
    input:
        products=[products(run) for run in UNASKED],


# No benchmark here: Snakemake would take it for an output, and check only once.
rule check:
    input:
        products=[products(run) for run in REPRODUCED],
        summaries=expand(rules.summary.output.summary, run=REPRODUCED),
    log:
        table="results/check.txt",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        expected=expand("tests/expected/{run}.json", run=REPRODUCED),
    message:
        "comparing with the expected values in tests/expected"
    run:
        checks.check(params.expected, input.summaries, log.table)


# The table in the README.
rule table:
    input:
        summaries=expand(rules.summary.output.summary, run=UNASKED),
    log:
        table="results/table.md",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "the chains of each run"
    run:
        summary.print_tables(input.summaries, log.table)


rule evaluate:
    input:
        notebook="notebooks/07-evaluation.ipynb",
        data_file=rules.data.output.data_file,
        code=[*CODE, "src/bitmix/evaluation/evaluation.py", "src/bitmix/workflow/summary.py"],
    output:
        notebook="results/{run}/notebooks/07-evaluation.ipynb",
        evaluation="results/{run}/evaluation.json",
        seconds=figure("evaluation-seconds", "5 evaluation", "scores by CPU seconds"),
        sweeps=figure("evaluation-sweeps", "5 evaluation", "scores by sweeps"),
        calibration=figure("evaluation-calibration", "5 evaluation", "calibration"),
        others=others("evaluation-seconds", "evaluation-sweeps", "evaluation-calibration"),
    log:
        notebook="results/{run}/logs/07-evaluation.ipynb",
        messages="results/{run}/logs/07-evaluation.txt",
    benchmark:
        "results/{run}/benchmarks/07-evaluation.tsv"
    wildcard_constraints:
        run="|".join(EVALUATED),
    conda:
        "environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        DATA_FILE,
        FIGURES_FOLDER,
        "-p evaluation_file results/{run}/evaluation.json",
        setting("seed"),
        setting("train", "evaluation", "train"),
        setting("chains", "evaluation", "chains"),
        setting("sweeps", "evaluation", "sweeps"),
        setting("initial_clusters", "evaluation", "initial_clusters"),
        setting("sweeps_compared", "evaluation", "sweeps_compared"),
        setting("em_fits", "evaluation", "em_fits"),
        setting("stepmix_clusters", "evaluation", "stepmix_clusters"),
        setting("logistic_passes", "evaluation", "logistic_passes"),
    message:
        "{wildcards.run}: bitmix and others on images held out (minutes)"
    shell:
        EXECUTE


# Not part of `all`: it takes minutes.
rule evaluation:
    input:
        evaluations=expand(rules.evaluate.output.evaluation, run=EVALUATED),
    log:
        table="results/evaluation.md",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "the scores of each run's evaluation"
    run:
        from bitmix import evaluation  # with its libraries, which take seconds to import

        summary.print_tables(input.evaluations, log.table, evaluation.results_table)


# `snakemake --force tests/expected/<run>.json` makes what `check` expects of a run.
rule expected:
    input:
        summary="results/{run}/summary.json",
    output:
        expected="tests/expected/{run}.json",
    log:
        "results/{run}/logs/expected.txt",
    benchmark:
        "results/{run}/benchmarks/expected.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "{wildcards.run}: its results become the expected values"
    run:
        summary.write_expected(output.expected, input.summary)


# `snakemake <run>` makes one run.
for run in RUNS:
    if workflow.is_rule(run):
        raise WorkflowError(f"runs.{run}: `snakemake {run}` does something else, call it otherwise")

    rule:
        name:
            run
        input:
            products(run),
        message:
            "{rule}: all is there"


onsuccess:
    for run in RUNS:
        written = Path(f"results/{run}/summary.json")
        if written.exists() and written.stat().st_mtime > START:
            elapsed = time.time() - START
            mixed = read_json(written.with_name("diagnostics.json"))["mixed"]
            print(
                summary.closing_lines(
                    written.parent, read_json(written), mixed, elapsed
                )
            )


onerror:
    print("Why is said above. A notebook that failed is in the run's logs, with its traceback.")
    print(
        "Chains keep their state in results/<run>/checkpoints: the same command goes on from there."
    )
