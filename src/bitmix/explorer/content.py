"""What the explorer shows: the chains, some rows, and the sweeps of one chain, as builtins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bitmix.chains import Latent, common
from bitmix.data import Dataset
from bitmix.explorer.packing import pack, pack_bits
from bitmix.explorer.steps import steps
from bitmix.predict import Mixture

# Limits, so that a page stays small and answers at once. The study reaches none of them.
CELLS = 4_000_000  # counts of all chains together: clusters x features
MEMBER_BYTES = 2_000_000  # rows shown as members, one bit a feature
MEMBERS = 24  # members shown of a cluster
PICKS = 24  # rows to choose from


def content(dataset: Dataset, latents: Sequence[Latent], title: str = "bitmix") -> dict[str, Any]:
    """Return everything that the explorer shows, as builtins that JSON can hold.

    It answers as `bitmix.complete` and `bitmix.label_probabilities` do for the same latents. The
    last states of the chains must fit in a browser, so if there are too many counts, only the
    largest clusters of each chain stay, and the page says so.

    Parameters
    ----------
    dataset : Dataset
        The rows that the chains were sampled from.
    latents : sequence of Latent
        The chains, at least one.
    title : str
        The name of the run.

    Raises
    ------
    ValueError
        If there is no latent, or one was sampled from other rows.
    """
    features = common(latents, "features", lambda latent: latent.counts.shape[1])
    sha256 = dataset.sha256
    for latent in latents:
        if latent.data_sha256 != sha256:
            raise ValueError(f"chain {latent.chain} was sampled from other rows than this dataset")
    most = max(1, CELLS // (len(latents) * features))
    shown = [_largest(latent.sizes, most) for latent in latents]
    classes, codes = _classes(dataset)
    pool, members = _pool(dataset, codes, latents, shown)
    names = dataset.feature_names
    return {
        "title": title,
        "rows": len(dataset.x),
        "features": features,
        "names": names and list(names),
        "imageShape": dataset.image_shape and list(map(int, dataset.image_shape)),
        "classes": list(map(str, classes)),
        "chains": [
            _chain(*parts, codes, len(classes))
            for parts in zip(latents, shown, members, strict=True)
        ],
        "pool": pool,
        "steps": steps(dataset, latents[0]),
    }


def _largest(sizes: np.ndarray, most: int) -> np.ndarray:
    """Return the numbers of the largest clusters, in order of their numbers."""
    return np.sort(np.argsort(-sizes, kind="stable")[:most])


def _classes(dataset: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels, sorted, and the place of each row's label among them."""
    if dataset.labels is None:
        return np.array([]), None
    return np.unique(dataset.labels, return_inverse=True)


def _chain(
    latent: Latent,
    shown: np.ndarray,
    members: np.ndarray,
    codes: np.ndarray | None,
    classes: int,
) -> dict[str, Any]:
    """Return one chain: the clusters shown and, as the last of weights and shares, a new one."""
    mixture = Mixture.of_latent(latent)
    with_new = np.append(shown, len(latent.sizes))
    shares = None if codes is None else mixture.label_shares(codes, classes)[with_new]
    seen = latent.observed
    return {
        "chain": latent.chain,
        "clusters": pack(shown),
        "weights": pack(mixture.weights[with_new]),
        "sizes": pack(latent.sizes[shown]),
        "counts": pack(latent.counts[shown]),
        "observed": None if seen is None else pack(seen[shown]),
        "alpha": pack(latent.alpha),
        "beta": pack(latent.beta),
        "shares": None if shares is None else pack(shares),
        "members": pack(members),
        "leftOut": {
            "clusters": len(latent.sizes) - len(shown),
            "rows": int(latent.sizes.sum() - latent.sizes[shown].sum()),
        },
    }


def _pool(
    dataset: Dataset,
    codes: np.ndarray | None,
    latents: Sequence[Latent],
    shown: Sequence[np.ndarray],
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the rows that the explorer can show, and each chain's members among them.

    The rows to pick are the first ones: a run shuffles its rows, so they are a random choice. The
    members of a cluster are an array of shape (clusters, members), numbers in the pool plus one;
    zero where a small cluster has no more.
    """
    clusters = sum(map(len, shown))
    bytes_per_row = -(-dataset.x.shape[1] // 8)
    most = int(np.clip(MEMBER_BYTES // (bytes_per_row * clusters), 1, MEMBERS))
    rows = [_members(latent, numbers, most) for latent, numbers in zip(latents, shown, strict=True)]
    picks = np.arange(min(PICKS, len(dataset.x)))
    chosen = np.unique(np.concatenate([picks, *(some[some >= 0] for some in rows)]))
    part = dataset.take(chosen)
    pool = {
        "picks": len(picks),
        "row": pack(chosen),
        "x": pack_bits(part.x),
        "observed": None if part.observed is None else pack_bits(part.observed),
        "label": None if codes is None else pack(codes[chosen]),
    }
    places = [np.where(some < 0, 0, np.searchsorted(chosen, some) + 1) for some in rows]
    return pool, places


def _members(latent: Latent, clusters: np.ndarray, most: int) -> np.ndarray:
    """Return the first rows of each cluster, shape (clusters, most), -1 where there is none."""
    order = np.argsort(latent.assignments, kind="stable")
    starts = np.cumsum(latent.sizes) - latent.sizes
    ranks = np.arange(most)
    places = np.minimum(starts[clusters, None] + ranks, len(order) - 1)
    return np.where(ranks < latent.sizes[clusters, None], order[places], -1)
