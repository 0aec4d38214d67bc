# The chains of a run, and what they find.


rule chain:
    input:
        data_file=rules.data.output.data_file,
        code=sources("sampling"),
    output:
        chain_file="results/{run}/chains/{chain}.pkl",
        times_file="results/{run}/benchmarks/chain-{chain}.json",
    log:
        "results/{run}/logs/chain-{chain}.txt",
    benchmark:
        "results/{run}/benchmarks/chain-{chain}.tsv"
    wildcard_constraints:
        run=runs.either([run for run in RUNS if run not in AUTOMATIC]),
    priority: 1  # all other jobs wait for the chains
    group:
        job_of_short_run
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards: 15 if wildcards.run in SHORT else 240,
    params:
        "chain",
        "data_file=results/{run}/data.npz",
        "chain_file=results/{run}/chains/{chain}.pkl",
        "times_file=results/{run}/benchmarks/chain-{chain}.json",
        "chain={chain}",
        # Not an output: Snakemake deletes the outputs of a job that it starts again.
        "checkpoint_folder=results/{run}/checkpoints",
        to_job("seed"),
        *map(to_job, runs.CHAIN_SETTINGS),
    message:
        "{wildcards.run}: sample chain {wildcards.chain}"
    shell:
        JOB


# One job for all chains of a run, which it compares from time to time. The number of its outputs
# depends on the run, so each run has a rule.
for run in AUTOMATIC:
    CHAINS = range(RUNS[run]["chains"])

    rule:
        name:
            f"chains_of_{run}"
        input:
            data_file=expand(rules.data.output.data_file, run=run),
            code=sources("automatic"),
        output:
            chain_files=expand(rules.chain.output.chain_file, run=run, chain=CHAINS),
            times_files=expand(rules.chain.output.times_file, run=run, chain=CHAINS),
        log:
            f"results/{run}/logs/chains.txt",
        benchmark:
            f"results/{run}/benchmarks/chains.tsv"
        priority: 1
        conda:
            "../environment.yml"
        threads: len(CHAINS)
        resources:
            mem_mb=4000,
            runtime=240,
        params:
            "chains",
            f"data_file=results/{run}/data.npz",
            runs.for_job(
                "chain_files", expand(rules.chain.output.chain_file, run=run, chain=CHAINS)
            ),
            runs.for_job(
                "times_files", expand(rules.chain.output.times_file, run=run, chain=CHAINS)
            ),
            f"checkpoint_folder=results/{run}/checkpoints",
            *[
                runs.for_job(name, RUNS[run][name])
                for name in ("chains", "seed", *runs.CHAIN_SETTINGS)
                if name not in runs.DECIDED
            ],
        message:
            f"{run}: sample {len(CHAINS)} chains until they have mixed"
        shell:
            JOB_WITH_THREADS


rule model:
    input:
        notebook=HOME / "notebooks/02-model.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("study"),
    output:
        notebook=chapter("02-model", "2 chains"),
    log:
        notebook="results/{run}/logs/02-model.ipynb",
        messages="results/{run}/logs/02-model.txt",
    benchmark:
        "results/{run}/benchmarks/02-model.tsv"
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
        engine,
    message:
        "{wildcards.run}: explain the model and one chain"
    shell:
        NOTEBOOK


rule clusters:
    input:
        notebook=HOME / "notebooks/03-clusters.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("figures", "study"),
    output:
        notebook=chapter("03-clusters", "3 clusters"),
        trace=figure("trace", "2 chains", "log joint and number of clusters"),
        others=others("trace"),
        clusters=report(
            directory("results/{run}/figures/clusters"),
            patterns=["{name}.png"],
            caption="../config/captions/clusters.rst",
            category="{run}",
            subcategory="3 clusters",
            labels={"result": "{name}"},
        ),
    log:
        notebook="results/{run}/logs/03-clusters.ipynb",
        messages="results/{run}/logs/03-clusters.txt",
    benchmark:
        "results/{run}/benchmarks/03-clusters.tsv"
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
        engine,
    message:
        "{wildcards.run}: show the clusters of all chains"
    shell:
        NOTEBOOK
