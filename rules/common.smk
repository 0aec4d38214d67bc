# What the rules share.

#: The runs that plain `snakemake` makes.
DEFAULT = [run for run in RUNS if not RUNS[run]["opt_in"]]
#: The runs whose rows are no images.
TABLES = [run for run in RUNS if runs.is_table(RUNS[run])]

#: The runs whose chains are sampled together until they have mixed.
AUTOMATIC = [run for run in RUNS if runs.is_automatic(RUNS[run])]

#: The runs whose chains take seconds or minutes. On a cluster, each of these runs is one job.
SHORT = [run for run in RUNS if run not in AUTOMATIC and RUNS[run]["sweeps"] <= 100]

DATA_FILE = "-p data_file results/{run}/data.npz"
FIGURES_FOLDER = "-p figures_folder results/{run}/figures"

# A rule executes its notebook in its log and copies it to its output if it succeeds. A notebook
# that fails leaves its traceback in the log and no output.
NOTEBOOK = """
python -P {HOME}/src/bitmix/workflow/notebook.py {input.notebook} {log.notebook} --engine bitmix \\
    --kernel python3 --no-progress-bar --log-level ERROR --stderr-file - {params} 2> {log.messages}
cp {log.notebook} {output.notebook}
sync {output.notebook}
""".replace("{HOME}", str(HOME))  # Snakemake's lint allows no variable in a command
# The first of the params is the name of the job.
JOB = "python -m bitmix.workflow.jobs {params} 2> {log}"
JOB_WITH_THREADS = JOB.replace("{params}", "{params} threads={threads}")


def sources(*folders):
    """Return the files of the package on which the products of these folders depend."""
    package = HOME / "src/bitmix"
    return [str(path) for path in code.sources(package, code.closure(*folders))]


def job_of_short_run(wildcards):
    """Return the group of data and chains on a cluster. Long chains are jobs of their own."""
    return wildcards.run if wildcards.run in SHORT and not workflow.local_exec else None


def job_of_results(wildcards):
    """Return the group of what comes after the chains, which takes seconds."""
    return (
        None if workflow.local_exec else job_of_short_run(wildcards) or f"{wildcards.run}-results"
    )


def to_job(name, *keys):
    return runs.setting(RUNS, runs.for_job, name, keys)


def to_notebook(name, *keys):
    return runs.setting(RUNS, runs.for_notebook, name, keys)


def data_files(wildcards):
    try:
        return runs.data_files(RUNS, wildcards.run)
    except runs.ConfigError as error:
        raise CONSOLE.failure(error) from None


def of_grid(files):
    """Return a function that returns these files of each run of a grid."""
    return lambda wildcards: expand(files, run=GRIDS[wildcards.grid])


def chain_files(wildcards):
    chains = range(RUNS[wildcards.run]["chains"])
    return expand(rules.chain.output.chain_file, chain=chains, run=wildcards.run)


def engine(wildcards):
    """Return the option that leaves the cells about the study out of the notebooks of a table."""
    return "--engine bitmix-table" if wildcards.run in TABLES else ""


def chain_files_parameter(wildcards):
    return runs.for_notebook("chain_files", chain_files(wildcards))


def chain_files_argument(wildcards):
    return runs.for_job("chain_files", chain_files(wildcards))


def reported(file, section, title, caption):
    """A file of a run that the report shows."""
    return report(
        f"results/{{run}}/{file}",
        caption=f"../config/captions/{caption}.rst",
        category="{run}",
        subcategory=section,
        labels={"result": title},
    )


def figure(name, section, title):
    """Return a figure for the report; `others` are the same figure as SVG and in words."""
    return reported(f"figures/{name}.png", section, title, name)


def chapter(name, section):
    """An executed notebook."""
    return reported(f"notebooks/{name}.ipynb", section, "notebook", "notebook")


def others(*names):
    return expand("results/{{run}}/figures/{name}{suffix}", name=names, suffix=[".svg", ".alt.txt"])


def stages(run):
    """Return the rules that a run executes once, without its summary."""
    predictions = [rules.predictions] if run in PREDICTED else []
    tables = [rules.classes] if run in TABLES else []
    return [*STAGES, *predictions, *tables]


def results(run):
    """Return everything that a run finds."""
    chains = expand(rules.chain.output, run=run, chain=range(RUNS[run]["chains"]))
    once = [*stages(run), rules.summary]
    return chains + [file for stage in once for file in expand(stage.output, run=run)]


def products(run):
    """Return everything that a run makes, so that Snakemake makes missing files again."""
    return results(run) + expand(rules.crate.output, run=run)


def figure_files(wildcards):
    """Return the PNG files of a run, and the folder of its clusters."""
    run = wildcards.run
    files = [file for stage in stages(run) for file in expand(stage.output, run=run)]
    return [file for file in files if Path(file).suffix == ".png" or Path(file).name == "clusters"]


def chapters(wildcards):
    """The executed notebooks, for the book. Those that a run of five sweeps cannot show well are run alone."""
    shown = FROM_RUN if BOOK_RUN in PREDICTED else ()
    from_run = {
        Path(rule.input.notebook).name: expand(rule.output.notebook, run=BOOK_RUN)[0]
        for rule in shown
    }
    names = sorted(path.name for path in Path("notebooks").glob("[0-9]*.ipynb"))
    return [from_run.get(name, f"results/alone/{name}") for name in names]
