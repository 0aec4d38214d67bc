#!/usr/bin/env bash
# `snakemake --sdm conda` runs this in the environment that it has made of environment.yml, from a copy
# of this file. The Snakefile sets BITMIX, the folder of the checkout.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation "$BITMIX"
