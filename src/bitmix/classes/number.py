"""How many classes there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, logsumexp

from bitmix.chains import Latent
from bitmix.kernel import components, log_v

if TYPE_CHECKING:
    import pandas as pd

#: The concentration of the mixture of finite mixtures that states of a Dirichlet process get.
CONCENTRATION = 1.0

_LOG_GRID = np.linspace(-16, 6, 2001)  # of the concentration of a Dirichlet process


def number_of_classes(states: Sequence[Latent]) -> pd.DataFrame:
    """Return the posterior of the number of classes under a mixture of finite mixtures.

    In the data there are t classes: the clusters of a state. In the population there are M, some
    perhaps without a row in the data, with p(M | t) of Miller and Harrison (2018, eq. 3.7).

    A Dirichlet process assumes infinitely many classes, and its t does not estimate their number:
    small extra clusters stay however many rows there are (Miller and Harrison 2013, "A simple
    example of Dirichlet process mixture inconsistency for the number of components"). So its states
    are weighted by importance: by the probability of the partition under a mixture of finite
    mixtures, divided by that under the Dirichlet process.

    Parameters
    ----------
    states : sequence of Latent
        At least one, all with the same prior of partitions and of the concentration.

    Returns
    -------
    table : DataFrame
        The index `classes` is 1, 2, ... The columns `in_the_data` and `in_the_population` have the
        probabilities of t and M, and `clusters` the share of the states with so many clusters.
        ``table.attrs`` says whether the states are `weighted`, and how many `effective_states` the
        weights leave: (sum w)^2 / sum w^2.
    """
    import pandas as pd  # slow to import, and used only here

    weights = _weights(states)
    clusters = np.array([len(state.sizes) for state in states])
    rows, g = int(states[0].sizes.sum()), _concentration(states)
    data = np.bincount(clusters, weights)
    given = {t: components(rows, int(t), g) for t in np.flatnonzero(data)}
    population = np.zeros(max(map(len, given.values())))
    for t, known in given.items():
        population[: len(known)] += data[t] * known
    columns = {
        "in_the_data": data,
        "in_the_population": population,
        "clusters": np.bincount(clusters) / len(states),
    }
    most = max(int(np.flatnonzero(column > 5e-5)[-1]) for column in columns.values())
    index = pd.RangeIndex(1, most + 1, name="classes")
    padded = {
        name: np.pad(column, (0, max(0, most + 1 - len(column))))[1 : most + 1]
        for name, column in columns.items()
    }
    table = pd.DataFrame(padded, index)
    table.attrs["weighted"] = states[0].partition_prior == "dp"
    table.attrs["effective_states"] = float(1 / (weights**2).sum())
    return table


def _concentration(states: Sequence[Latent]) -> float:
    mfm = states[0].partition_prior == "mfm"
    return states[0].concentration if mfm else CONCENTRATION


def _weights(states: Sequence[Latent]) -> np.ndarray:
    """Return weights, shape (S,), that turn states into draws under a mixture of finite mixtures.

    Its log probability of a partition is log V_n(t) + sum_k log Gamma(n_k + g) / Gamma(g), of which
    with g = 1 only log n_k! is left. That of a Dirichlet process has log (n_k - 1)! instead.
    """
    if states[0].partition_prior == "mfm":
        return np.full(len(states), 1 / len(states))
    rows = int(states[0].sizes.sum())
    finite = {t: log_v(rows, t, CONCENTRATION) for t in {len(state.sizes) for state in states}}
    log_weights = np.array(
        [
            finite[len(state.sizes)] + np.log(state.sizes).sum() - infinite
            for state, infinite in zip(states, _log_infinite(states, rows), strict=True)
        ]
    )
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def _log_infinite(states: Sequence[Latent], rows: int) -> list[float]:
    """Return log of the mean of c^t Gamma(c) / Gamma(c + n) over the prior of the concentration c.

    That is the part of the probability of a partition under a Dirichlet process that is not in its
    sizes, up to a constant. A concentration that was not sampled has no prior but its value.
    """
    if "concentration" in states[0].config["moves"]:
        shape, rate = states[0].config["concentration_prior"]
        log_c = _LOG_GRID
        log_prior = shape * log_c - rate * np.exp(log_c)
    else:
        log_c, log_prior = np.log([states[0].concentration]), np.zeros(1)
    fixed = log_prior + gammaln(np.exp(log_c)) - gammaln(np.exp(log_c) + rows)
    numbers = [len(state.sizes) for state in states]
    values = {t: float(logsumexp(fixed + t * log_c)) for t in set(numbers)}
    return [values[t] for t in numbers]
