"""What chains say of rows: clusters, densities, missing features, labels."""

from bitmix.predict.labels import label_probabilities
from bitmix.predict.queries import (
    beta_parameters,
    complete,
    log_predictive,
    log_weights,
    merge_samples,
    mixture_posterior,
    nearest_cluster,
    outlier_score,
    pixel_means,
    posterior_predictive,
    responsibilities,
)

__all__ = [
    "beta_parameters",
    "complete",
    "label_probabilities",
    "log_predictive",
    "log_weights",
    "merge_samples",
    "mixture_posterior",
    "nearest_cluster",
    "outlier_score",
    "pixel_means",
    "posterior_predictive",
    "responsibilities",
]
