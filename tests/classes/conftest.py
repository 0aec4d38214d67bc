"""A small survey whose classes are known, and chains of it."""

import pytest

import bitmix
from bitmix import classes, study


@pytest.fixture(scope="session")
def survey():
    return study.simulate_survey(400)


@pytest.fixture(scope="session")
def latents(survey):
    settings = {"sweeps": 800, "thin": 4, "initial": "seeded", "initial_clusters": 10}
    return bitmix.sample(
        survey.x, observed=survey.observed, chains=2, partition_prior="mfm", seed=3, **settings
    )


@pytest.fixture(scope="session")
def found(survey, latents):
    return classes.find_classes(latents, survey.x, survey.observed)


@pytest.fixture(scope="session")
def profiles(found):
    return classes.profiles(found)
