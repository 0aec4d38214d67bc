"""Labels of vectors, from the labels of the training vectors in the clusters they may belong to."""

from collections.abc import Sequence

import numpy as np

from bitmix.chains import Latent
from bitmix.predict.queries import mixture_posterior


def label_probabilities(
    latents: Sequence[Latent],
    labels: np.ndarray,
    x: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> tuple[np.ndarray, np.ndarray]:
    """Return p(label | observed pixels) = sum_k p(k | observed pixels) p(label | k).

    Within a cluster the labels have a Dirichlet prior of total 1 and mean f_l, the label's share of
    the training vectors (as in MacKay and Peto 1995, "A hierarchical Dirichlet language model"):
    p(label l | k) = (n_kl + f_l) / (n_k + 1). A new cluster has the shares f_l themselves.

    Parameters
    ----------
    latents : sequence of Latent
        The chains, at least one, all of the same vectors.
    labels : array, shape (N,)
        The labels of the training vectors, in their order; numbers or strings.
    x : array, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a pixel is seen; all of them unless given.
    cluster, chain_weights
        As in `bitmix.complete`.

    Returns
    -------
    probabilities : ndarray of float64, shape (M, L)
    classes : ndarray, shape (L,)
        The labels that the columns stand for, sorted.

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
                f"vector, not {labels.shape}"
            )
    classes, codes = np.unique(labels, return_inverse=True)
    probabilities = sum(
        p @ _by_cluster(latent, codes, len(classes))
        for p, latent in zip(posterior, latents, strict=True)
    )
    return probabilities, classes


def _by_cluster(latent: Latent, codes: np.ndarray, classes: int) -> np.ndarray:
    """p(label | k), shape (K + 1, L), the new cluster last."""
    clusters = len(latent.sizes) + 1
    cells = latent.assignments.astype(np.intp) * classes + codes
    counts = np.bincount(cells, minlength=clusters * classes).reshape(clusters, classes)
    smoothed = counts + counts.sum(axis=0) / len(codes)
    return smoothed / smoothed.sum(axis=1, keepdims=True)
