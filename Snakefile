# The study, once for each run in config/config.yaml:
#
#   data -> chain (one job a chain) -> clusters, mixing, consensus, predictions -> summary -> check
#
# This file is the table of contents. The rules are in rules/, their logic in bitmix.workflow.

import os
import sys
import time
from pathlib import Path

from snakemake.utils import min_version, update_config

from bitmix import code
from bitmix.workflow import console, environments, forkserver, locks, messages, repair, runs, slurm
from bitmix.workflow.config import check_yaml, retype

min_version("9.0")

START = time.time()

CONSOLE = console.open_console(workflow)
try:
    check_yaml("config/config.yaml")  # Snakemake does not say what is wrong in it, and where
except runs.ConfigError as error:
    raise CONSOLE.failure(error) from None


configfile: "config/config.yaml"


report: "config/report.rst"


#: The folder of the workflow. The results may be in another one.
HOME = Path(os.path.relpath(workflow.basedir))

if workflow.is_main_process:
    slurm.adapt()
    # The last Snakemake was killed, or the power went off.
    if locks.clear_stale_locks(Path(".snakemake")):
        if jobs := slurm.end_left_jobs(Path(".snakemake")):
            print(f"cancelled {len(jobs)} jobs of a killed snakemake", file=sys.stderr)
        for file in repair.repair(Path("results")):
            print(f"{file} is damaged and is made again", file=sys.stderr)

update_config(config, retype(workflow.config_settings.config))
try:
    RUNS = runs.read_runs(config, HOME / "config/schema.yaml")
    GRIDS = runs.read_grids(config, HOME / "config/schema.yaml")
    DENSITY = runs.read_density(config, HOME / "config/schema.yaml")
except runs.ConfigError as error:
    raise CONSOLE.failure(error) from None

# Snakemake does not see imports, so each rule has the code that it depends on as input. The rules
# run the installed package, so it must be the same code.
if stale := code.stale(HOME / "src/bitmix"):
    raise CONSOLE.failure(f"bitmix is not installed as in {', '.join(stale)}: run `make install`")

if workflow.is_main_process:
    prefix = workflow.deployment_settings.conda_prefix or ".snakemake/conda"
    environments.renew_stale(HOME / "src/bitmix", Path(prefix))

# Programs of this Python are found even if its environment is not activated.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    BITMIX=str(workflow.basedir),  # for environment.post-deploy.sh
)


wildcard_constraints:
    run="[A-Za-z0-9_-]+",
    chain=r"\d+",


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/chains.smk"
include: "rules/agreement.smk"
include: "rules/predictions.smk"
include: "rules/explore.smk"
include: "rules/classes.smk"
include: "rules/evaluation.smk"
include: "rules/density.smk"
include: "rules/summary.smk"
include: "rules/grids.smk"
include: "rules/book.smk"


rule all:
    default_target: True
    input:
        products=[products(run) for run in DEFAULT],


# `snakemake <run>` makes one run.
for run in RUNS:
    if workflow.is_rule(run):
        raise CONSOLE.failure(f"runs.{run}: `snakemake {run}` means something else, rename the run")

    rule:
        name:
            run
        input:
            products(run),
        message:
            "{rule}: complete"


onstart:
    CONSOLE.catch_signals()  # which Snakemake has taken back meanwhile
    forkserver.start(workflow)


onsuccess:
    CONSOLE.reasons.clear()  # a job that failed was started again
    try:
        print(messages.closing(RUNS, since=START))
    except (OSError, ValueError) as error:
        raise CONSOLE.failure(error) from None
