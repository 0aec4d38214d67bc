# What chains predict for rows if they see only a part of each.

#: The runs that complete rows.
PREDICTED = [run for run in RUNS if RUNS[run]["predictions"]]


rule predictions:
    input:
        notebook=HOME / "notebooks/06-predictions.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("figures", "predict", "study"),
    output:
        notebook=chapter("06-predictions", "6 predictions"),
        predictions=figure("predictions", "6 predictions", "half-hidden rows, completed"),
        others=others("predictions"),
    log:
        notebook="results/{run}/logs/06-predictions.ipynb",
        messages="results/{run}/logs/06-predictions.txt",
    benchmark:
        "results/{run}/benchmarks/06-predictions.tsv"
    wildcard_constraints:
        run=runs.either(PREDICTED),
    group:
        job_of_results
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        DATA_FILE,
        chain_files_parameter,
        FIGURES_FOLDER,
        to_notebook("warmup"),
        to_notebook("per_label", "predictions", "per_label"),
        to_notebook("samples_per_chain", "predictions", "samples_per_chain"),
        to_notebook("seed"),
        engine,
    message:
        "{wildcards.run}: complete half-hidden rows"
    shell:
        NOTEBOOK
