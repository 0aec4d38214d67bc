"""Latents to query, and Bayes' rule written out."""

import functools
from dataclasses import replace

import numpy as np

from bitmix.chains import TRACE, Latent
from bitmix.predict import (
    Mixture,
    complete,
    log_predictive,
    nearest_cluster,
    posterior_predictive,
    responsibilities,
)
from bitmix.predict.intervals import credible_interval
from bitmix.predict.labels import label_probabilities

LABELS = np.array(["two", "three", "three", "seven"] * 5)  # of the rows of `make_latent`


def betas(latent):
    """Return the parameters of the Beta posteriors of a latent, and last those of the prior."""
    mixture = Mixture.of_latent(latent)
    return mixture.on, mixture.off


def make_latent(seed, clusters=3, pixels=6, vectors=20):
    """Return a latent of random data in random clusters."""
    rng = np.random.default_rng(seed)
    assignments = np.arange(vectors, dtype=np.int32) % clusters
    x = rng.integers(0, 2, (vectors, pixels))
    return Latent(
        assignments=assignments,
        sizes=np.bincount(assignments),
        counts=np.array([x[assignments == k].sum(axis=0) for k in range(clusters)], np.int32),
        alpha=rng.gamma(1.0, size=pixels),
        beta=rng.gamma(2.0, size=pixels),
        concentration=rng.gamma(1.0),
        trace={name: np.zeros(0, dtype) for name, dtype in TRACE.items()},
        config={},
        seed=seed,
        chain=0,
        data_sha256="",
        generator={},
    )


def pure_latent():
    """Return a latent of two clusters: one has all features off, the other has all on."""
    return replace(
        make_latent(1, clusters=2),
        counts=np.array([[0] * 6, [10] * 6], np.int32),
        alpha=np.full(6, 1e-9),
        beta=np.full(6, 1e-9),
        concentration=1e-9,
    )


def bayes_rule(latent, query, observed):
    """Compute the joint weights of the clusters and the completed query, feature by feature."""
    clusters = [
        (int(size), [int(count) for count in counts])
        for size, counts in zip(latent.sizes, latent.counts, strict=True)
    ]
    clusters.append((0, [0] * len(query)))  # the new one
    total = sum(size for size, _ in clusters) + latent.concentration
    weights, means = [], []
    for size, counts in clusters:
        weight = (size or latent.concentration) / total
        mean = []
        for d, count in enumerate(counts):
            on = (latent.alpha[d] + count) / (latent.alpha[d] + latent.beta[d] + size)
            mean.append(on)
            if observed[d]:
                weight *= on if query[d] else 1 - on
        weights.append(weight)
        means.append(mean)
    completed = [
        float(query[d])
        if observed[d]
        else sum(w * mean[d] for w, mean in zip(weights, means, strict=True)) / sum(weights)
        for d in range(len(query))
    ]
    return weights, completed


def every_vector(pixels=6):
    return np.array([[i >> d & 1 for d in range(pixels)] for i in range(2**pixels)], np.uint8)


def labelled(latents, x, observed, **choices):
    return label_probabilities(latents, LABELS, x, observed, **choices)[0]


QUERIES = (complete, posterior_predictive, log_predictive, credible_interval, labelled)


EVERY = {
    "complete": complete,
    "best": functools.partial(complete, cluster="best"),
    "evidence": functools.partial(complete, chain_weights="evidence"),
    "log_predictive": log_predictive,
    "labels": labelled,
    "responsibilities": lambda latents, *args: responsibilities(latents[0], *args),
    "nearest_cluster": lambda latents, *args: nearest_cluster(latents[0], *args),
    "interval of theta": credible_interval,
    "interval of the mean": functools.partial(credible_interval, of="mean"),
}
