"""The clusters of new rows."""

import numpy as np

from bitmix.chains import Latent
from bitmix.predict.mixture import Mixture, check_queries, normalise


def log_weights(latent: Latent, x: np.ndarray, observed: np.ndarray | None = None) -> np.ndarray:
    """Return the log joint probability of cluster and observed features for a new row.

    For a Dirichlet process, an existing cluster has the prior n_k / (N + concentration), a new one
    concentration / (N + concentration): the weights of Neal (2000), eq. 3.6, for one row more than
    the data. `Mixture.of_latent` has those of a mixture of finite mixtures. The features have the
    probabilities of `feature_means`. The log of the sum over the clusters is the log predictive
    probability of the observed features.

    Parameters
    ----------
    latent : Latent
    x : array, PackedRows or matrix of scipy.sparse, shape (M, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a feature is observed; all of them by default.

    Returns
    -------
    log_weights : ndarray of float64, shape (M, K + 1)
        In nats, the new cluster last.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = check_queries([latent], x, observed)
    return Mixture.of_latent(latent).log_joint(x, observed)


def responsibilities(
    latent: Latent, x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return p(k | observed features), shape (M, K + 1), the new cluster last.

    Parameters and errors are those of `log_weights`.
    """
    return normalise(log_weights(latent, x, observed))[0]


def nearest_cluster(
    latent: Latent, x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return the most probable existing cluster given the observed features, shape (M,).

    A new cluster may be even more probable: see the last column of `responsibilities`. Parameters
    and errors are those of `log_weights`.
    """
    return log_weights(latent, x, observed)[:, :-1].argmax(axis=1)
