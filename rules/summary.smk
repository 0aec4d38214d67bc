# The numbers of a run in one file, its provenance, tables of the numbers, and the comparison with the
# expected values.

STAGES = (
    *(rules.data, rules.first_look, rules.model, rules.clusters, rules.mixing, rules.consensus),
    rules.explore,
)

#: The runs whose numbers are known.
REPRODUCED = [run for run in DEFAULT if (HOME / f"tests/expected/{run}.json").exists()]


localrules:
    check,
    crate,
    table,


rule summary:
    input:
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        figures=figure_files,
        code=[*sources("sampling"), HOME / "src/bitmix/workflow/summary.py"],
    output:
        summary=reported("summary.json", "summary", "settings and numbers", "summary"),
    log:
        "results/{run}/logs/summary.txt",
    benchmark:
        "results/{run}/benchmarks/summary.tsv"
    group:
        job_of_results
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        "summary",
        "summary_file=results/{run}/summary.json",
        lambda wildcards: runs.for_job("configuration", runs.identity(RUNS[wildcards.run])),
        "data_file=results/{run}/data.npz",
        lambda wildcards: runs.for_job("chain_files", chain_files(wildcards)),
        "figures_folder=results/{run}/figures",
    message:
        "{wildcards.run}: write the numbers of the run"
    shell:
        JOB


# It holds times and describes the machine, so it has no benchmark and differs from run to run.
rule crate:
    input:
        results=lambda wildcards: results(wildcards.run),
        workflow=[HOME / "Snakefile", *sorted(HOME.glob("rules/*.smk"))],
        code=[
            HOME / f"src/bitmix/workflow/{name}.py" for name in ("crate", "environment", "records")
        ],
    output:
        crate="results/{run}/ro-crate-metadata.json",
        workflow=directory("results/{run}/workflow"),
    log:
        "results/{run}/logs/crate.txt",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        "crate",
        "folder=results/{run}",
        runs.for_job("home", str(HOME)),
    message:
        "{wildcards.run}: write how the results were made, ro-crate-metadata.json"
    shell:
        JOB


# No benchmark here: Snakemake would treat it as an output and would not check again.
rule check:
    input:
        products=[products(run) for run in REPRODUCED],
        summaries=expand(rules.summary.output.summary, run=REPRODUCED),
    log:
        "results/check.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        "check",
        runs.for_job(
            "expected_files", expand(str(HOME / "tests/expected/{run}.json"), run=REPRODUCED)
        ),
        runs.for_job("summaries", expand(rules.summary.output.summary, run=REPRODUCED)),
        "table_file=results/check.txt",
    message:
        "compare with the expected values in tests/expected"
    shell:
        JOB


# The table in the README.
rule table:
    input:
        summaries=expand(rules.summary.output.summary, run=DEFAULT),
    log:
        "results/table.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        "table",
        runs.for_job("files", expand(rules.summary.output.summary, run=DEFAULT)),
        "table_file=results/table.md",
    message:
        "print the chains of each run"
    shell:
        JOB
