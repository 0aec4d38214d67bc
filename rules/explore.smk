# One page to play with: what the chains expect of any row, and how their clusters form.


rule explore:
    input:
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("explorer"),
    output:
        page="results/{run}/explore.html",
    log:
        "results/{run}/logs/explore.txt",
    benchmark:
        "results/{run}/benchmarks/explore.tsv"
    group:
        job_of_results
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        "explore",
        "data_file=results/{run}/data.npz",
        chain_files_argument,
        "explorer_file=results/{run}/explore.html",
    message:
        "{wildcards.run}: write the explorer, explore.html"
    shell:
        JOB
