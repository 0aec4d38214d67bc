"""The code behind the rules of Snakemake."""
