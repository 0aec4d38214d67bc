# bitmix and other methods, compared on held-out rows. Not part of `all`: it takes minutes.

#: The runs that `snakemake evaluation` judges.
EVALUATED = [run for run in RUNS if RUNS[run]["evaluation"]]


localrules:
    evaluation,


rule evaluate:
    input:
        notebook=HOME / "notebooks/07-evaluation.ipynb",
        data_file=rules.data.output.data_file,
        code=sources("evaluation", "figures", "study"),
    output:
        notebook=chapter("07-evaluation", "7 evaluation"),
        evaluation=reported("evaluation.json", "7 evaluation", "scores", "evaluation"),
        seconds=figure("evaluation-seconds", "7 evaluation", "scores by CPU seconds"),
        sweeps=figure("evaluation-sweeps", "7 evaluation", "scores by sweeps"),
        calibration=figure("evaluation-calibration", "7 evaluation", "calibration"),
        others=others("evaluation-seconds", "evaluation-sweeps", "evaluation-calibration"),
    log:
        notebook="results/{run}/logs/07-evaluation.ipynb",
        messages="results/{run}/logs/07-evaluation.txt",
    benchmark:
        "results/{run}/benchmarks/07-evaluation.tsv"
    wildcard_constraints:
        run=runs.either(EVALUATED),
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        DATA_FILE,
        FIGURES_FOLDER,
        "-p evaluation_file results/{run}/evaluation.json",
        to_notebook("seed"),
        *[to_notebook(name, "evaluation", name) for name in runs.EVALUATION_SETTINGS],
    message:
        "{wildcards.run}: judge bitmix and other methods by rows held out (minutes)"
    shell:
        NOTEBOOK


rule evaluation:
    input:
        evaluations=expand(rules.evaluate.output.evaluation, run=EVALUATED),
    log:
        "results/evaluation.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        "scores",
        runs.for_job("files", expand(rules.evaluate.output.evaluation, run=EVALUATED)),
        "table_file=results/evaluation.md",
    message:
        "print the scores of each evaluation"
    shell:
        JOB
