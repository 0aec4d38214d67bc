# The densities of DEBD's data sets, beside published figures. Not part of `all`: it takes minutes.


localrules:
    densities,
    density,


rule density_set:
    input:
        code=sources("density"),
    output:
        result="results/density/{run}.json",
    log:
        "results/density/logs/{run}.txt",
    benchmark:
        "results/density/benchmarks/{run}.tsv"
    wildcard_constraints:
        run=runs.either(DENSITY),
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        "density",
        "result_file=results/density/{run}.json",
        "name={run}",
        *[runs.setting(DENSITY, runs.for_job, name) for name in runs.DENSITY_SETTINGS],
    message:
        "density of {wildcards.run}: average chains (minutes)"
    shell:
        JOB


rule densities:
    input:
        results=expand(rules.density_set.output.result, run=DENSITY),
        code=[*sources("density"), *sources("figures")],
    output:
        density="results/density.json",
        table="results/density.md",
        figure="results/density/figures/density.png",
        others=multiext("results/density/figures/density", ".svg", ".alt.txt"),
    log:
        "results/density/logs/density.txt",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    message:
        "print the densities of all sets beside the published figures"
    run:
        from bitmix.workflow import densities  # with libraries that take seconds to import

        densities.report(
            input.results, output.density, output.table, Path(output.figure).parent
        )


# No output: each call compares.
rule density:
    input:
        density=rules.densities.output.density,
        table=rules.densities.output.table,
    log:
        "results/density/logs/check.txt",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        expected=HOME / "tests/expected/density.json",
    message:
        "compare the chains with those of {params.expected}"
    run:
        from bitmix.workflow import densities

        densities.check(params.expected, input.density, log[0])
