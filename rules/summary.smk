# The numbers of a run in one file, tables of them, and the comparison with the expected values.

STAGES = (rules.data, rules.first_look, rules.model, rules.clusters, rules.mixing, rules.consensus)

#: The runs whose numbers are known.
REPRODUCED = [run for run in DEFAULT if Path(f"tests/expected/{run}.json").exists()]


localrules:
    summary,
    check,
    table,


rule summary:
    input:
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        figures=figure_files,
        code=[*sources("sampling"), "src/bitmix/workflow/summary.py"],
    output:
        summary=reported("summary.json", "summary", "settings and numbers", "summary"),
    log:
        "results/{run}/logs/summary.txt",
    benchmark:
        "results/{run}/benchmarks/summary.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        configuration=lambda wildcards: runs.identity(RUNS[wildcards.run]),
        figures_folder="results/{run}/figures",
    message:
        "{wildcards.run}: write the numbers of the run"
    run:
        from bitmix.workflow import summary

        summary.write_summary(
            output.summary,
            params.configuration,
            input.data_file,
            input.chain_files,
            params.figures_folder,
        )


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
        "compare with the expected values in tests/expected"
    run:
        from bitmix.workflow import checks

        checks.check(params.expected, input.summaries, log.table)


# The table in the README.
rule table:
    input:
        summaries=expand(rules.summary.output.summary, run=DEFAULT),
    log:
        table="results/table.md",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "print the chains of each run"
    run:
        messages.print_tables(input.summaries, log.table)
