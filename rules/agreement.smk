# Whether the chains of a run agree.


rule mixing:
    input:
        notebook=HOME / "notebooks/04-mixing.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("diagnostics", "figures", "study"),
    output:
        notebook=chapter("04-mixing", "4 mixing"),
        diagnostics=reported("diagnostics.json", "4 mixing", "verdict", "diagnostics"),
        draws="results/{run}/diagnostics.nc",
        trace=figure("diagnostics-trace", "4 mixing", "what is compared, by sweep"),
        ranks=figure("diagnostics-ranks", "4 mixing", "ranks"),
        autocorrelation=figure("diagnostics-autocorrelation", "4 mixing", "autocorrelation"),
        others=others("diagnostics-trace", "diagnostics-ranks", "diagnostics-autocorrelation"),
    log:
        notebook="results/{run}/logs/04-mixing.ipynb",
        messages="results/{run}/logs/04-mixing.txt",
    benchmark:
        "results/{run}/benchmarks/04-mixing.tsv"
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
        "-p diagnostics_file results/{run}/diagnostics.json",
        to_notebook("warmup"),
        engine,
    message:
        "{wildcards.run}: judge whether the chains have mixed"
    shell:
        NOTEBOOK


rule consensus:
    input:
        notebook=HOME / "notebooks/05-consensus.ipynb",
        data_file=rules.data.output.data_file,
        chain_files=chain_files,
        code=sources("figures", "partitions", "study"),
    output:
        notebook=chapter("05-consensus", "5 consensus"),
        consensus="results/{run}/consensus.json",
        table=reported("consensus.csv", "5 consensus", "cluster of each row", "consensus-table"),
        agreement=figure("agreement", "5 consensus", "agreement between the chains"),
        clusters=figure("consensus", "5 consensus", "the clusters of the consensus"),
        coclustering=figure("coclustering", "5 consensus", "which rows are together"),
        certainty=figure("certainty", "5 consensus", "the most and least certain rows"),
        others=others("agreement", "consensus", "coclustering", "certainty"),
    log:
        notebook="results/{run}/logs/05-consensus.ipynb",
        messages="results/{run}/logs/05-consensus.txt",
    benchmark:
        "results/{run}/benchmarks/05-consensus.tsv"
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
        "-p consensus_file results/{run}/consensus.json",
        to_notebook("warmup"),
        to_notebook("seed"),
        engine,
    message:
        "{wildcards.run}: find one partition for all chains"
    shell:
        NOTEBOOK
