"""What the rules of Snakemake call."""
