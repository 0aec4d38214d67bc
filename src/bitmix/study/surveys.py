"""A simulated survey, for notebooks that are opened alone."""

from __future__ import annotations

import numpy as np

from bitmix.chains import Latent
from bitmix.data import Dataset
from bitmix.sampling import sample

#: The questions, and how probable a yes is in each of three groups: those who like to be out, those
#: who like to be in, and those who like company.
ITEMS = {
    "goes hiking": (0.90, 0.10, 0.25),
    "cycles": (0.85, 0.10, 0.30),
    "swims": (0.75, 0.15, 0.40),
    "has a garden": (0.65, 0.45, 0.15),
    "travels by train": (0.60, 0.40, 0.75),
    "reads novels": (0.40, 0.90, 0.20),
    "does crosswords": (0.10, 0.80, 0.10),
    "watches television daily": (0.30, 0.85, 0.45),
    "plays an instrument": (0.25, 0.40, 0.35),
    "goes to concerts": (0.15, 0.20, 0.90),
    "goes dancing": (0.10, 0.05, 0.80),
    "meets friends weekly": (0.50, 0.20, 0.95),
}
SHARES = (0.45, 0.30, 0.25)
GROUPS = ("out", "in", "company")


def simulate_survey(rows: int = 400, *, missing: float = 0.05, seed: int = 14) -> Dataset:
    """Return answers of three groups of respondents to twelve questions on their leisure.

    Parameters
    ----------
    rows : int, default 400
        The number of respondents.
    missing : float, default 0.05
        The share of the answers that are missing.
    seed : int

    Returns
    -------
    survey : Dataset
        Its labels are the groups, which nobody knows of a real survey.
    """
    uniform = np.random.Generator(np.random.PCG64(seed)).random  # the same bits everywhere
    group = np.searchsorted(np.cumsum(SHARES), uniform(rows)).clip(max=len(SHARES) - 1)
    theta = np.array(list(ITEMS.values())).T
    x = (uniform((rows, len(ITEMS))) < theta[group]).astype(np.uint8)
    observed = uniform(x.shape) >= missing
    return Dataset(
        x * observed,
        labels=np.array(GROUPS)[group],
        observed=observed,
        feature_names=tuple(ITEMS),
        row_ids=np.array([f"R{row + 1:03}" for row in range(rows)]),
        id_name="respondent",
    )


def sample_survey(dataset: Dataset, seed: int = 14) -> list[Latent]:
    """Sample chains of a small survey that mix in a second or two, with 400 kept states."""
    return sample(
        dataset.x,
        observed=dataset.observed,
        chains=4,
        sweeps=2000,
        thin=10,
        initial="seeded",
        initial_clusters=20,
        partition_prior="mfm",
        seed=seed,
        progress=False,
    )
