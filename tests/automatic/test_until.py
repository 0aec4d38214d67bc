"""Chains that go on until they have mixed."""

import itertools
import logging

import numpy as np
import pytest
from chains import same

import bitmix
from bitmix.automatic import plan
from bitmix.sampling.chain import Chain

SWEEP = Chain.sweep


@pytest.fixture
def answers():
    """Return so few answers that chains mix in a thousand sweeps."""
    x = np.random.default_rng(1).integers(0, 2, (12, 3)).astype(float)
    x[3, 1] = np.nan
    return x


@pytest.fixture
def short(monkeypatch):
    """Make the first rounds too short for most chains, and the last soon."""
    monkeypatch.setattr(plan, "FIRST", 200)
    monkeypatch.setattr(plan, "KEPT", (50, 10))


@pytest.mark.parametrize(
    ("rows", "features"),
    [(100, 5), (800, 12), (3000, 30), (50_000, 20), (10**6, 100), (10**7, 1000), (1, 1)],
)
def test_rounds_double_the_sweeps_within_the_limits(rows, features):
    found = plan.rounds(rows, features)
    assert found[-1][0] <= plan.MOST
    assert found[-1][0] * rows * features <= max(plan.WORK, rows * features * plan.KEPT[-1])
    for (sweeps, thin), (more, thinner) in itertools.pairwise(found):
        assert (more, thinner) == (2 * sweeps, 2 * thin)
    for sweeps, thin in found:
        assert sweeps % thin == 0
        assert sweeps // thin * rows <= max(plan.ENTRIES, 20 * rows)


def test_rounds_of_a_survey_and_of_large_data():
    assert plan.rounds(800, 12)[:3] == [(2000, 4), (4000, 8), (8000, 16)]
    assert plan.rounds(800, 12)[-1] == (128_000, 256)
    assert plan.rounds(3000, 30)[-1] == (64_000, 128)
    assert plan.rounds(10**6, 100) == [(100, 5)]


@pytest.mark.parametrize(
    ("sweeps", "annealing", "annealed"),
    [(2000, 100, 100), (2000, 1999, 1999), (1000, 100, 100), (100, 100, 25), (99, 100, 0)],
)
def test_short_rounds_anneal_a_quarter_at_most(sweeps, annealing, annealed):
    assert plan.annealing_within(sweeps, annealing) == annealed


def test_very_large_data_are_sampled_with_few_sweeps(answers, monkeypatch):
    monkeypatch.setattr(plan, "WORK", answers.size * 120)
    latents, _ = bitmix.sample_until_mixed(answers, chains=2, progress=False)
    assert (latents[0].sweeps, latents[0].annealing) == (120, 30)
    assert (latents[0].samples["sweep"] > 30).all()
    monkeypatch.setattr(plan, "WORK", answers.size)
    latents, _ = bitmix.sample_until_mixed(answers, chains=2, annealing=5, progress=False)
    assert (latents[0].sweeps, latents[0].annealing) == (10, 0)


@pytest.mark.parametrize(("settings", "merged"), [({}, False), ({"annealing": 0}, True)])
def test_annealed_chains_keep_distinct_classes_apart(monkeypatch, settings, merged):
    rng = np.random.default_rng(0)
    theta, classes = rng.beta(0.5, 0.5, (12, 100)), rng.integers(0, 12, 2000)
    x = (rng.random((2000, 100)) < theta[classes]).astype(np.uint8)
    monkeypatch.setattr(plan, "WORK", x.size * 400)
    latents, _ = bitmix.sample_until_mixed(x, progress=False, **settings)
    most = [
        {np.bincount(latent.assignments[classes == one]).argmax() for one in range(12)}
        for latent in latents
    ]
    assert (min(map(len, most)) < 12) == merged


def test_the_chains_are_those_of_sample(answers, short, caplog):
    with caplog.at_level(logging.INFO, "bitmix"):
        latents, diagnosis = bitmix.sample_until_mixed(answers, seed=3, chains=2, progress=False)
    sweeps, thin = latents[0].config["sweeps"], latents[0].config["thin"]
    assert sweeps > plan.FIRST and sweeps // thin == 50
    assert diagnosis.mixed
    assert len(caplog.messages) == np.log2(sweeps // plan.FIRST) + 1
    assert all("not mixed" in message for message in caplog.messages[:-1])
    assert f"{sweeps:,} sweeps: These chains have mixed" in caplog.messages[-1]
    settings = plan.table_settings() | {"sweeps": sweeps, "thin": thin}
    assert settings["annealing"] == latents[0].annealing > 0
    plain = bitmix.sample(answers, seed=3, chains=2, progress=False, **settings)
    assert all(map(same, latents, plain))


def test_it_stops_at_the_limit(answers, short, monkeypatch):
    monkeypatch.setattr(plan, "WORK", answers.size * 450)
    latents, diagnosis = bitmix.sample_until_mixed(answers, progress=False)
    assert latents[0].sweeps == 400
    assert not diagnosis.mixed
    assert "not mixed" in diagnosis.verdict


@pytest.mark.parametrize("at", [10, 500])
def test_an_interrupted_run_goes_on_where_it_was(answers, short, monkeypatch, tmp_path, at):
    monkeypatch.setattr(plan, "WORK", answers.size * 400)
    run = {"seed": 5, "chains": 2, "progress": False, "threads": 1}
    whole, _ = bitmix.sample_until_mixed(answers, **run)
    run |= {"checkpoint_folder": tmp_path, "checkpoint_every": 1e-9}
    made = sweeps_made(monkeypatch, stop=at)
    with pytest.raises(KeyboardInterrupt):
        bitmix.sample_until_mixed(answers, **run)
    again = sweeps_made(monkeypatch)
    latents, _ = bitmix.sample_until_mixed(answers, **run)
    assert all(map(same, latents, whole))
    assert len(made) + len(again) <= 2 * whole[0].sweeps + 2  # no sweep is made twice


def sweeps_made(monkeypatch, stop=None):
    """Record each sweep of every chain, and interrupt before sweep `stop`."""
    made = []

    def counted(chain):
        if stop is not None and len(made) >= stop:
            raise KeyboardInterrupt
        made.append(chain.number)
        return SWEEP(chain)

    monkeypatch.setattr(Chain, "sweep", counted)
    return made


def test_settings_may_be_others(answers, short, monkeypatch):
    monkeypatch.setattr(plan, "WORK", answers.size * 200)
    latents, _ = bitmix.sample_until_mixed(answers, partition_prior="mfm", initial="single")
    config = latents[0].config
    assert config["partition_prior"] == "mfm"
    assert "concentration" not in config["moves"]
    assert config["initial"] == "single"


def test_one_chain_is_refused(answers):
    with pytest.raises(ValueError, match="chains must be at least 2"):
        bitmix.sample_until_mixed(answers, chains=1)
    with pytest.raises(ValueError, match="annealing"):
        bitmix.sample_until_mixed(answers, annealing=-1)
    with pytest.raises(TypeError, match="sweps"):
        bitmix.sample_until_mixed(answers, sweps=3)
