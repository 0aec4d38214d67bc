"""The density of rows."""

from collections.abc import Sequence

import numpy as np

from bitmix.chains import Latent
from bitmix.predict.mixture import Mixture, check_queries


def log_predictive(
    latents: Sequence[Latent], x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return log p(observed features) of new rows: the log of the mean density over the latents.

    It includes a new cluster: see `bitmix.predict.log_weights`. The difference of two gives a
    conditional density, for example the log probability of what is missing given what is observed::

        log_predictive(latents, x) - log_predictive(latents, x, observed)

    Parameters
    ----------
    latents : sequence of Latent
        Chains, or kept states of chains, at least one.
    x : array, PackedRows or matrix of scipy.sparse, shape (M, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a feature is observed; all of them by default.

    Returns
    -------
    log_predictive : ndarray of float64, shape (M,)
        In nats.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = check_queries(latents, x, observed)
    evidence = [Mixture.of_latent(latent).log_evidence(x, observed) for latent in latents]
    return np.logaddexp.reduce(evidence) - np.log(len(latents))


def outlier_score(
    latents: Sequence[Latent],
    x: np.ndarray,
    reference: np.ndarray,
    observed: np.ndarray | None = None,
) -> np.ndarray:
    """Return how unusual rows are among reference rows, from 0 to 1.

    The score of a row is 1 - p, with p = (1 + the number of reference rows whose density is at most
    as high) / (1 + R). p is the p-value of the inductive conformal anomaly detector (Laxhammar
    2014, "Conformal anomaly detection", with minus the log density as nonconformity). So a new row
    of the same kind as the reference scores 1 - a or more with probability at most a, for any
    model. The chains must not have been trained on the reference rows: training rows fit better
    than new rows, so new rows would look unusual.

    A density favours simple rows (Nalisnick et al. 2019, "Do deep generative models know what
    they don't know?"). A model of twos and threes finds a one usual, because it has few pixels on.

    Parameters
    ----------
    latents : sequence of Latent
        At least one.
    x : array, PackedRows or matrix of scipy.sparse, shape (M, D)
        Zeros and ones where observed, anything elsewhere.
    reference : array, PackedRows or matrix of scipy.sparse, shape (R, D)
        Usual rows, at least one. A few hundred held-out rows are best.
    observed : ndarray of bool, shape (D,), optional
        The features to judge by, the same for all rows; all of them by default.

    Returns
    -------
    scores : ndarray of float64, shape (M,)
        From 0 (usual) to R / (R + 1) (less probable than all reference rows).

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    if observed is not None and np.ndim(observed) != 1:
        raise ValueError(
            "observed must have the shape (D,): scores under different masks do not compare"
        )
    usual = np.sort(log_predictive(latents, reference, observed))
    if usual.size == 0:
        raise ValueError("reference must have at least one row")
    below = np.searchsorted(usual, log_predictive(latents, x, observed), side="right")
    return (usual.size - below) / (usual.size + 1)
