# The data of a run, and a first look at them.


rule data:
    input:
        files=data_files,
        code=sources("data"),
    output:
        data_file="results/{run}/data.npz",
    log:
        "results/{run}/logs/data.txt",
    benchmark:
        "results/{run}/benchmarks/data.tsv"
    group:
        job_of_short_run
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        "data",
        "data_file=results/{run}/data.npz",
        *[to_job(name, "data", name) for name in runs.SOURCE_SETTINGS],
        to_job("limit", "data", "limit"),
        to_job("seed"),
    message:
        "{wildcards.run}: read or fetch the data and shuffle them"
    shell:
        JOB


rule first_look:
    input:
        notebook=HOME / "notebooks/01-data.ipynb",
        files=data_files,
        # The notebook reads the source again. It waits, so that the chains can have all cores.
        data_file=rules.data.output.data_file,
        code=sources("figures", "study"),
    output:
        notebook=chapter("01-data", "1 data"),
        grey=figure("grey", "1 data", "one row, or how often each feature is on"),
        binary=figure("binary", "1 data", "the binary data"),
        others=others("grey", "binary"),
    log:
        notebook="results/{run}/logs/01-data.ipynb",
        messages="results/{run}/logs/01-data.txt",
    benchmark:
        "results/{run}/benchmarks/01-data.tsv"
    group:
        job_of_results
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        FIGURES_FOLDER,
        lambda wildcards: runs.for_notebook("data", runs.source(RUNS[wildcards.run])),
        to_notebook("limit", "data", "limit"),
        to_notebook("seed"),
        engine,
    message:
        "{wildcards.run}: show the data"
    shell:
        NOTEBOOK
