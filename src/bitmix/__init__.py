"""Clusters of binary data: mixtures with an unknown number of clusters, by Gibbs sampling."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version

from bitmix.chains import Latent, load_latents, save_latents
from bitmix.data import Dataset, PackedRows, load_mnist, shuffle
from bitmix.predict import (
    complete,
    label_probabilities,
    log_predictive,
    merge_samples,
    nearest_cluster,
    outlier_score,
    posterior_predictive,
    responsibilities,
)
from bitmix.sampling import sample, sample_chain

__version__ = _version("bitmix")

# Import these on first use: SciPy and scikit-learn take a second to import.
_LATER = {
    "BernoulliDPMixture": "bitmix.estimator",
    "classify": "bitmix.classes",
    "coclustering": "bitmix.partitions",
    "consensus": "bitmix.partitions",
    "credible_interval": "bitmix.predict.intervals",
    "diagnose": "bitmix.diagnostics",
    "sample_until_mixed": "bitmix.automatic.until",
    "find_classes": "bitmix.classes",
}

__all__ = [
    "BernoulliDPMixture",
    "Dataset",
    "Latent",
    "PackedRows",
    "classify",
    "coclustering",
    "complete",
    "consensus",
    "credible_interval",
    "diagnose",
    "find_classes",
    "label_probabilities",
    "load_latents",
    "load_mnist",
    "log_predictive",
    "merge_samples",
    "nearest_cluster",
    "outlier_score",
    "posterior_predictive",
    "responsibilities",
    "sample",
    "sample_chain",
    "sample_until_mixed",
    "save_latents",
    "shuffle",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'bitmix' has no attribute {name!r}")
    return getattr(_import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
