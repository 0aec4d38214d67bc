"""Predictions for rows: clusters, densities, missing features, labels.

Each chain defines a mixture of its clusters and one new cluster. All predictions average over the
chains. Instead of chains, you may pass kept states of chains, or a list of one latent.
"""

from bitmix.predict.clusters import log_weights, nearest_cluster, responsibilities
from bitmix.predict.completion import complete, merge_samples, posterior_predictive
from bitmix.predict.density import log_predictive, outlier_score
from bitmix.predict.labels import label_probabilities
from bitmix.predict.mixture import Mixture, feature_means, mixture_posterior, normalise

__all__ = [
    "Mixture",
    "complete",
    "feature_means",
    "label_probabilities",
    "log_predictive",
    "log_weights",
    "merge_samples",
    "mixture_posterior",
    "nearest_cluster",
    "normalise",
    "outlier_score",
    "posterior_predictive",
    "responsibilities",
]
