# Classes of rows, for tables: who answers alike, and how sure that is.


rule classes:
    input:
        notebook=HOME / "notebooks/08-classes.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("classes", "figures", "study"),
    output:
        notebook=chapter("08-classes", "8 classes"),
        classes="results/{run}/classes.csv",
        words="results/{run}/classes.md",
        members="results/{run}/members.csv",
        imputed="results/{run}/imputed.csv",
        number="results/{run}/number-of-classes.csv",
        together="results/{run}/together.npz",
        profiles=figure("class-profiles", "8 classes", "what sets the classes apart"),
        posterior=figure("number-of-classes", "8 classes", "how many classes there are"),
        others=others("class-profiles", "number-of-classes"),
    log:
        notebook="results/{run}/logs/08-classes.ipynb",
        messages="results/{run}/logs/08-classes.txt",
    benchmark:
        "results/{run}/benchmarks/08-classes.tsv"
    wildcard_constraints:
        run=runs.either(TABLES),
    group:
        job_of_results
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        DATA_FILE,
        chain_files_parameter,
        FIGURES_FOLDER,
        "-p classes_folder results/{run}",
        to_notebook("warmup"),
        to_notebook("seed"),
        engine,
    message:
        "{wildcards.run}: describe the classes"
    shell:
        NOTEBOOK


#: The runs that have new rows to classify.
CLASSIFIED = [run for run in RUNS if RUNS[run]["classify"]]


localrules:
    classify,


rule classified:
    input:
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        new_file=lambda wildcards: RUNS[wildcards.run]["classify"],
        code=sources("classes"),
    output:
        table="results/{run}/classified.csv",
    log:
        "results/{run}/logs/classified.txt",
    benchmark:
        "results/{run}/benchmarks/classified.tsv"
    wildcard_constraints:
        run=runs.either(CLASSIFIED),
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        "classified",
        "data_file=results/{run}/data.npz",
        lambda wildcards: runs.for_job("chain_files", chain_files(wildcards)),
        runs.setting(RUNS, runs.for_job, "new_file", ["classify"]),
        "table_file=results/{run}/classified.csv",
        to_job("seed"),
    message:
        "{wildcards.run}: find the classes of new rows"
    shell:
        JOB


# `snakemake classify` makes all of them.
rule classify:
    input:
        expand(rules.classified.output.table, run=CLASSIFIED),
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "the classes of new rows are in results/<run>/classified.csv"
