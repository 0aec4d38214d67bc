"""How many classes there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bitmix.chains import Latent
from bitmix.kernel import components

if TYPE_CHECKING:
    import pandas as pd


def number_of_classes(states: Sequence[Latent]) -> pd.DataFrame:
    """Return the posterior of the number of classes, in the data and in the population.

    In the data there are t classes: the clusters of a state. In the population there may be more,
    of which no row was sampled: the M components of a mixture of finite mixtures, with p(M | t) of
    Miller and Harrison (2018, eq. 3.7). A Dirichlet process assumes infinitely many. Its t does not
    estimate the number of classes: small extra clusters stay however many rows there are (Miller
    and Harrison 2013, "A simple example of Dirichlet process mixture inconsistency for the number
    of components").

    Parameters
    ----------
    states : sequence of Latent
        At least one, all with the same prior of partitions.

    Returns
    -------
    table : DataFrame
        The index `classes` is 1, 2, ... The column `in_the_data` has the probability of t, the
        column `in_the_population` that of M, only with the prior "mfm".
    """
    import pandas as pd  # slow to import, and used only here

    seen = Counter(
        (len(state.sizes), int(state.sizes.sum()), state.concentration) for state in states
    )
    data = np.zeros(1 + max(clusters for clusters, _, _ in seen))
    for (clusters, _, _), states_seen in seen.items():
        data[clusters] += states_seen / len(states)
    columns = {"in_the_data": data}
    if states[0].partition_prior == "mfm":
        population: Counter[int] = Counter()
        for (clusters, rows, concentration), states_seen in seen.items():
            for number, p in enumerate(components(rows, clusters, concentration)):
                population[number] += p * states_seen / len(states)
        columns["in_the_population"] = np.array([population[m] for m in range(max(population) + 1)])
    most = max(int(np.flatnonzero(column > 5e-5)[-1]) for column in columns.values())
    index = pd.RangeIndex(1, most + 1, name="classes")
    padded = {
        name: np.pad(column, (0, max(0, most + 1 - len(column))))[1 : most + 1]
        for name, column in columns.items()
    }
    return pd.DataFrame(padded, index)
