"""Labels of new rows, from the labels of the training rows in their clusters."""

from collections.abc import Sequence

import numpy as np

from bitmix.chains import Latent
from bitmix.predict.mixture import Mixture, mixture_posterior


def label_probabilities(
    latents: Sequence[Latent],
    labels: np.ndarray,
    x: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> tuple[np.ndarray, np.ndarray]:
    """Return p(label | observed features) = sum_k p(k | observed features) p(label | k).

    `Mixture.label_shares` gives p(label | k). A new cluster has the label shares of all training
    rows.

    Parameters
    ----------
    latents : sequence of Latent
        The chains, at least one, all of the same rows.
    labels : array, shape (N,)
        The labels of the training rows in order, numbers or text.
    x : array, PackedRows or matrix of scipy.sparse, shape (M, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a feature is observed; all of them by default.
    cluster, chain_weights
        As in `bitmix.complete`.

    Returns
    -------
    probabilities : ndarray of float64, shape (M, L)
    classes : ndarray, shape (L,)
        The labels of the columns, sorted.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    posterior = mixture_posterior(
        latents, x, observed, cluster=cluster, chain_weights=chain_weights
    )
    labels = np.asarray(labels)
    for latent in latents:
        if labels.shape != latent.assignments.shape:
            raise ValueError(
                f"labels must have the shape {latent.assignments.shape}, one for each training "
                f"row, not {labels.shape}"
            )
    classes, codes = np.unique(labels, return_inverse=True)
    probabilities = sum(
        p @ Mixture.of_latent(latent).label_shares(codes, len(classes))
        for p, latent in zip(posterior, latents, strict=True)
    )
    return probabilities, classes
