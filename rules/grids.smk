# Parameter grids: a table that compares the runs of each.


localrules:
    grid_table,


rule grid_table:
    input:
        summaries=of_grid(rules.summary.output.summary),
        diagnostics=of_grid(rules.mixing.output.diagnostics),
        code=HOME / "src/bitmix/workflow/grids.py",
    output:
        table="results/{grid}.md",
        csv="results/{grid}.csv",
    log:
        "results/{grid}.log",
    wildcard_constraints:
        grid=runs.either(GRIDS),
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        "grid",
        lambda wildcards: runs.for_job(
            "summaries", of_grid(rules.summary.output.summary)(wildcards)
        ),
        lambda wildcards: runs.for_job("grid", GRIDS[wildcards.grid]),
        "table_file=results/{grid}.md",
        "csv_file=results/{grid}.csv",
    message:
        "{wildcards.grid}: compare the runs"
    shell:
        JOB


# `snakemake <grid>` makes all of its runs.
for grid in GRIDS:
    if workflow.is_rule(grid):
        raise CONSOLE.failure(f"runs.{grid}: `snakemake {grid}` means something else, rename it")

    rule:
        name:
            grid
        input:
            products=[products(run) for run in GRIDS[grid]],
            table=expand(rules.grid_table.output, grid=grid),
        message:
            "{rule}: complete"
