# The book: the notebooks as chapters, the pages of docs, and the API reference. Not part of `all`.

#: The run of the book. Its notebooks are chapters as they are.
BOOK_RUN = "tutorial"
FROM_RUN = (rules.first_look, rules.model, rules.clusters, rules.predictions)

BOOK = """
python -m bitmix.workflow.book {params.sources} {input.chapters} 2> {log.messages}
sphinx-build -W --keep-going -q -E -d {params.sources}/.doctrees {params.sources} {output.book} \\
    2>> {log.messages} || {{ cat {log.messages} >&2; exit 1; }}
"""


# A notebook as JupyterLab shows it when you open it alone.
rule alone:
    input:
        notebook=HOME / "notebooks/{notebook}.ipynb",
        code=sources("evaluation", "figures", "study"),
    output:
        notebook="results/alone/{notebook}.ipynb",
    log:
        notebook="results/alone/logs/{notebook}.ipynb",
        messages="results/alone/logs/{notebook}.txt",
    wildcard_constraints:
        notebook=r"\d[\w-]+",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        "",
    message:
        "run {wildcards.notebook} alone"
    shell:
        NOTEBOOK


rule book:
    input:
        chapters=chapters,
        pages=["CONTRIBUTING.md", *map(str, filter(Path.is_file, Path("docs").rglob("*")))],
        code=[str(path) for path in code.sources(HOME / "src/bitmix", ["."])],
    output:
        book=directory("results/book"),
    log:
        messages="results/book.txt",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        sources=".snakemake/book",
    message:
        "build the book, results/book/index.html"
    shell:
        BOOK
