"""LearnSPN on the data of `make density`: its test log density and its CPU seconds.

The implementation is that of deeprob-kit, at the defaults of its authors' own experiment on these
data (experiments/spn.py of deeprob-kit): Bernoulli leaves by maximum likelihood with smoothing 0.1,
rows split in 2 by a Gaussian mixture, columns by the G-test at 5, at least 256 rows, seed 42. It
learns from the training split only.

deeprob-kit needs old libraries, so it has an environment of its own:

    python3 -m venv spn
    spn/bin/pip install deeprob-kit==1.1.0 "numpy<2" "scipy<1.12" "scikit-learn<1.5" "networkx<3"
    spn/bin/python benchmarks/density_competitors.py FOLDER nltcs plants

FOLDER has the files `<set>.<split>.data`, plain or .gz.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from deeprob.spn.algorithms.inference import log_likelihood
from deeprob.spn.learning.wrappers import learn_estimator
from deeprob.spn.structure.leaf import Bernoulli


def read(folder, name, split):
    """Return the rows of a split as float32, shape (N, D)."""
    path = folder / f"{name}.{split}.data"
    path = path if path.exists() else path.with_name(f"{path.name}.gz")
    return np.loadtxt(path, delimiter=",", dtype=np.float32)


def learn_spn(train):
    """Return LearnSPN's network at the defaults of its authors' experiment."""
    features = train.shape[1]
    return learn_estimator(
        data=train,
        distributions=[Bernoulli] * features,
        domains=[[0, 1]] * features,
        learn_leaf="mle",
        split_rows="gmm",
        split_cols="gvs",
        min_rows_slice=256,
        min_cols_slice=2,
        learn_leaf_kwargs={"alpha": 0.1},
        split_rows_kwargs={"n": 2},
        split_cols_kwargs={"p": 5.0},
        random_state=42,
        verbose=False,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="+")
    arguments = parser.parse_args()
    print("| set | LearnSPN, test log density, nats | CPU seconds |\n|---|---:|---:|")
    for name in arguments.sets:
        train, test = (read(arguments.folder, name, split) for split in ("train", "test"))
        start = time.process_time()
        spn = learn_spn(train)
        seconds = time.process_time() - start
        print(f"| {name} | {log_likelihood(spn, test).mean():.3f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
