"""Chains: what `sample` returns, that it is reproducible, what it refuses."""

import logging
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from chains import same
from scipy.stats import entropy

import bitmix
from bitmix import kernel
from bitmix.sampling import initial, progress
from bitmix.sampling.moves import MOVES

SMALL = {"sweeps": 3, "seed": 5, "initial_clusters": 20}


def test_latents(mnist):
    x = mnist.x[:500]
    latents = bitmix.sample(x, chains=3, **SMALL)
    assert [latent.chain for latent in latents] == [0, 1, 2]
    for latent in latents:
        z, k = latent.assignments, len(latent.sizes)
        assert z.shape == (500,) and set(z) == set(range(k))
        np.testing.assert_array_equal(latent.sizes, np.bincount(z))
        np.testing.assert_array_equal(latent.counts, [x[z == j].sum(axis=0) for j in range(k)])
        assert (latent.alpha > 0).all() and (latent.beta > 0).all()
        assert latent.trace["log_joint"][-1] == latent.log_joint()
        assert latent.trace["clusters"][-1] == k
        assert {len(values) for values in latent.trace.values()} == {3}
        assert latent.trace["moved"][0] > latent.trace["moved"][-1] > 0
        assert latent.data_sha256 == bitmix.Dataset(x).sha256
    assert not same(latents[0], latents[1])


def test_trace_and_samples(mnist):
    """If every state is kept, the trace can be computed from the states."""
    x = mnist.x[:300]
    settings = {**SMALL, "moves": tuple(MOVES)}
    latent = bitmix.sample_chain(x, 0, thin=1, **settings)
    trace, samples = latent.trace, latent.samples
    np.testing.assert_array_equal(samples["sweep"], [1, 2, 3])
    for sweep, state in enumerate(latent.states(x, warmup=0)):
        assert trace["log_joint"][sweep] == state.log_joint()
        assert trace["clusters"][sweep] == len(state.sizes)
        assert trace["largest"][sweep] == state.sizes.max()
        assert trace["concentration"][sweep] == state.concentration
        np.testing.assert_allclose(trace["entropy"][sweep], entropy(state.sizes / 300))
        np.testing.assert_array_equal(state.assignments, samples["assignments"][sweep])
    moves = sum(trace[f"{move}_seconds"] for move in MOVES)
    assert (moves <= trace["seconds"]).all() and (moves > 0).all()
    thinned = bitmix.sample_chain(x, 0, thin=2, **settings)
    np.testing.assert_array_equal(thinned.samples["sweep"], [2])
    np.testing.assert_array_equal(thinned.samples["alpha"], samples["alpha"][1:2])
    assert same(replace(thinned, samples=None, config={}), replace(latent, samples=None, config={}))


@pytest.mark.parametrize("holes", [False, True])
def test_states(mnist, holes):
    """Kept states equal the last states of shorter chains."""
    x = mnist.x[:300].astype(float)
    observed = np.random.default_rng(0).random(x.shape) < 0.8 if holes else None
    settings = {**SMALL, "observed": observed}
    latent = bitmix.sample_chain(x, 0, thin=2, **{**settings, "sweeps": 7})
    states = latent.states(x, observed)
    assert [state.sweeps for state in states] == [4, 6]  # half of seven are three
    for state in states:
        shorter = bitmix.sample_chain(x, 0, **{**settings, "sweeps": state.sweeps})
        kept = replace(state, generator=shorter.generator, config=shorter.config)
        assert same(kept, shorter)
        if holes:
            np.testing.assert_array_equal(state.observed, shorter.observed)
    assert [state.sweeps for state in latent.states(x, observed, warmup=0)] == [2, 4, 6]
    assert latent.states(x, observed, warmup=6) == [latent]
    (last,) = shorter.states(x, observed)
    assert last is shorter
    with pytest.raises(ValueError, match="warmup is 7, but chain 0 has 7 sweeps"):
        latent.states(x, observed, warmup=7)
    with pytest.raises(ValueError, match="sampled from other rows"):
        latent.states(1 - x, observed)


def test_reports_of_moves_are_added_up(monkeypatch):
    report = {"made": 1, "share": 0.5}
    monkeypatch.setitem(MOVES, "count", lambda mixture, settings, generator: report)
    trace = bitmix.sample_chain(
        np.eye(4), 0, sweeps=2, moves=("assign", "count", "assign", "count")
    ).trace
    assert trace["made"].tolist() == [2, 2] and trace["made"].dtype == np.int64
    assert trace["share"].tolist() == [1.0, 1.0]
    assert (trace["count_seconds"] > 0).all()
    assert trace["moved"].dtype == np.int64


@pytest.mark.parametrize("holes", [False, True])
def test_warns_of_constant_features_without_a_posterior(holes):
    x = np.array([[0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0]])
    observed = np.ones(x.shape, bool)
    observed[0, 2] = not holes  # with holes, feature 2 is on in every row that has it observed
    count = 3 if holes else 2
    message = f"{count} of 4 features are never on or always on.*to the bounds 0.0001 and 10000"
    with pytest.warns(UserWarning, match=message) as warned:
        bitmix.sample(x, observed=observed, chains=2, hyperprior="bda")
    assert len(warned) == 1
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    "settings",
    [{}, {"hyperprior": "bda", "moves": ("assign",)}, {"hyperprior": "bda", "x": np.eye(3)}],
)
def test_warns_only_then(settings, recwarn):
    bitmix.sample(**{"x": np.ones((3, 3)), **settings})
    assert not recwarn.list


def test_reproducible(mnist):
    """Threads, the number of chains and the type of the array make no difference."""
    x = mnist.x[:400]
    latents = bitmix.sample(x, chains=3, threads=1, **SMALL)
    assert all(map(same, latents, bitmix.sample(x, chains=3, threads=3, **SMALL)))
    assert all(map(same, latents, bitmix.sample(x.astype(bool), chains=2, **SMALL)))
    assert same(latents[2], bitmix.sample_chain(x.astype(float), 2, **SMALL))
    other = bitmix.sample_chain(x, 2, **{**SMALL, "seed": 6})
    assert not same(latents[2], other)


def test_missing_features(mnist):
    """The value of a missing feature, NaN too, makes no difference."""
    x, observed = mnist.x[:200].astype(float), np.random.default_rng(0).random((200, 784)) < 0.7
    latent = bitmix.sample_chain(x, 0, observed=observed, **SMALL)
    for value in (0, 1, 7, np.nan):
        other = np.where(observed, x, value)
        assert same(bitmix.sample_chain(other, 0, observed=observed, **SMALL), latent)
    k = latent.assignments[0]
    members = latent.assignments == k
    np.testing.assert_array_equal(latent.observed[k], observed[members].sum(axis=0))
    np.testing.assert_array_equal(latent.counts[k], (x * observed)[members].sum(axis=0))
    assert latent.trace["log_joint"][-1] == latent.log_joint()
    whole = bitmix.sample_chain(x, 0, **SMALL)
    assert same(bitmix.sample_chain(x, 0, observed=np.ones_like(observed), **SMALL), whole)
    assert latent.data_sha256 != whole.data_sha256
    with pytest.raises(ValueError, match="observed must be boolean of shape"):
        bitmix.sample(x, observed=observed[0])


@pytest.mark.parametrize("level", ["baseline", "v3", "v4"])
def test_same_chain_at_every_level(mnist, level):
    best = kernel.simd_name()
    expected = bitmix.sample_chain(mnist.x[:1000], 0, **SMALL)
    try:
        kernel.use_simd(level)
    except ValueError as error:
        pytest.skip(str(error))
    try:
        found = bitmix.sample_chain(mnist.x[:1000], 0, **SMALL)
    finally:
        kernel.use_simd(best)
    assert same(found, expected)


@pytest.mark.parametrize("holes", [False, True])
def test_seeded_start(mnist, holes):
    """Each row joins the nearest centre. A centre joins itself."""
    x = mnist.x[:300]
    observed = np.random.default_rng(1).random(x.shape) < 0.8 if holes else None
    found = initial.seeded_partition(
        x if observed is None else x * observed, observed, 20, np.random.PCG64(3)
    )
    centres = kernel.permutation(np.random.PCG64(3), 300)[:20]
    seen = np.ones(x.shape, bool) if observed is None else observed
    for i in range(300):
        both = seen[i] & seen[centres]
        distance = ((x[i] != x[centres]) & both).sum(axis=1) / both.sum(axis=1)
        assert distance[found[i]] == distance.min()
    assert list(found[centres]) == list(range(20))


def test_single_start(mnist):
    found = initial.single_partition(mnist.x[:5], None, 100, np.random.PCG64(0))
    assert found.tolist() == [0, 0, 0, 0, 0]
    latent = bitmix.sample_chain(mnist.x[:300], 0, initial="single", sweeps=1, seed=5)
    assert latent.trace["largest"][0] > 150


def test_seeded_start_goes_further(mnist):
    x, seeds = mnist.x[:3000], {"initial": "seeded", "initial_clusters": 100}
    seeded = bitmix.sample_chain(x, 0, **seeds)
    assert seeded.log_joint() > bitmix.sample_chain(x, 0).log_joint() + 10_000
    assert same(seeded, bitmix.sample_chain(x, 0, **seeds))
    few = bitmix.sample_chain(x[:5], 0, **seeds)  # fewer rows than centres
    assert len(few.sizes) <= 5


def test_pixel_priors_first(mnist):
    """Far from the mode, slices are wide. Alpha and beta stay within single precision."""
    for chain in range(10):
        latent = bitmix.sample_chain(
            mnist.x,
            chain,
            sweeps=1,
            initial="seeded",
            initial_clusters=300,
            moves=("pixel_priors", "assign"),
        )
        assert latent.alpha.min() > 1e-8 and latent.beta.min() > 1e-8


def test_schedule(mnist):
    latent = bitmix.sample_chain(mnist.x[:200], 0, moves=("assign",), **SMALL)
    assert (latent.alpha == 1).all() and (latent.beta == 1).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(5), r"shape \(N, D\)"),
        (np.zeros((0, 5)), r"at least 1, not \(0, 5\)"),
        (np.zeros((5, 0)), r"at least 1"),
        (np.array([[0, 1], [0, 2]]), "found 2 at row 1, column 1 .both from 0.; make it binary"),
        (np.array([[0.5, 1]]), r"found 0\.5 at row 0"),
        (np.array([[-1, 1]]), "found -1"),
        (np.array([["0", "1"]]), "numbers or booleans"),
        (np.array([[None, 1]]), "numbers or booleans"),
    ],
)
def test_refuses_data(x, message):
    with pytest.raises(ValueError, match=message):
        bitmix.sample(x)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"chains": 0}, "chains must be at least 1"),
        ({"sweeps": 2.5}, r"sweeps must be a whole number, not 2\.5"),
        ({"initial_clusters": -1}, "initial_clusters must be at least 1"),
        ({"concentration": 0}, "concentration must be a positive"),
        ({"concentration": float("nan")}, "concentration must be a positive"),
        ({"initial": "best"}, "initial is 'best'; allowed: 'random', 'single', 'seeded'"),
        ({"hyperprior": "gamma"}, "hyperprior is 'gamma'; allowed: 'exponential', 'bda'"),
        ({"moves": ("assign", "jump")}, "moves is 'jump'; allowed: 'assign'"),
        ({"moves": ("pixel_priors",)}, "moves must include 'assign'"),
        (
            {"moves": ("assign", "concentration"), "partition_prior": "mfm"},
            "'mfm' keeps fixed",
        ),
        ({"concentration": "x"}, "concentration must be a positive number, not 'x'"),
        ({"concentration_prior": 1.0}, r"concentration_prior must be \(shape, rate\), not 1\.0"),
        ({"concentration_prior": (1, 2, 3)}, r"concentration_prior must be \(shape, rate\)"),
        ({"concentration_prior": (0, 1)}, "shape of concentration_prior must be a positive"),
        ({"concentration_prior": (1, -1)}, "rate of concentration_prior must be a positive"),
        ({"proposals": 0}, "proposals must be at least 1"),
        ({"proposals": "many"}, "proposals must be a whole number or 'auto', not 'many'"),
        ({"thin": 0}, "thin must be at least 1"),
        ({"thin": 1.5}, r"thin must be a whole number, not 1\.5"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"seed": -1}, "seed must be"),
        ({"seed": "x"}, "seed must be"),
        ({"progress": "loud"}, "progress is 'loud'"),
        ({"progress": "bar"}, "progress is 'bar', allowed are None, True and False"),
        ({"thin": 6}, "thin is 6, above the 5 sweeps: no state would be kept; lower it, or take"),
        (
            {"initial_clusters": 10**9},
            "initial_clusters is 1,000,000,000, but there are only 3 rows",
        ),
    ],
)
def test_refuses_settings(setting, message):
    with pytest.raises(ValueError, match=message):
        bitmix.sample(np.eye(3), **setting)


@pytest.mark.parametrize("function", [bitmix.sample, partial(bitmix.sample_chain, chain=0)])
def test_a_misspelt_setting_names_the_nearest(function):
    with pytest.raises(TypeError, match="no argument 'sweps', did you mean 'sweeps'"):
        function(np.eye(3), sweps=3)


def test_nan_means_missing():
    x = np.array([[0, 1.0], [np.nan, 1], [1, 0], [1, np.nan]])
    observed = ~np.isnan(x)
    settings = {"sweeps": 3, "progress": False}
    latent = bitmix.sample_chain(x, 0, **settings)
    assert same(latent, bitmix.sample_chain(np.nan_to_num(x), 0, observed=observed, **settings))
    assert latent.observed.sum() == 6


def test_every_move_says_what_it_is():
    for move in MOVES.values():
        assert move.__doc__


def test_progress_in_the_log(caplog, monkeypatch):
    monkeypatch.setattr(progress, "LOG_INTERVAL", 0.0)
    with caplog.at_level(logging.INFO, logger="bitmix"):
        bitmix.sample_chain(np.eye(4), 0, sweeps=2, progress=True)
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "sweep 1 of 2",
        "sweep 2 of 2",
    ]


def test_progress_shows_only_where_is_visible(capsys, monkeypatch):
    bitmix.sample_chain(np.eye(4), 0, sweeps=2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_is_visible", lambda: True)
    monkeypatch.setattr(progress, "DELAY", 1e9)
    bitmix.sample_chain(np.eye(4), 0, sweeps=2)
    assert capsys.readouterr().err == ""  # it ends before a bar appears
    monkeypatch.setattr(progress, "DELAY", 0.0)
    bitmix.sample_chain(np.eye(4), 0, sweeps=2)
    assert "2/2" in capsys.readouterr().err


def test_an_error_in_one_chain_stops_the_others(monkeypatch):
    """The error is raised at once, not when the chain would be returned."""
    made = []

    def break_second(mixture, settings, generator):
        made.append(generator)
        if len({id(generator) for generator in made}) > 1:
            raise RuntimeError("broken for the test")
        return {}

    monkeypatch.setitem(MOVES, "break", break_second)
    with pytest.raises(RuntimeError, match="broken for the test"):
        bitmix.sample(np.eye(4), chains=2, threads=2, sweeps=10**9, moves=("assign", "break"))


def test_feature_priors_and_pixel_priors_are_one_move():
    x = np.random.default_rng(0).integers(0, 2, (30, 5))
    one, other = (
        bitmix.sample_chain(x, 0, sweeps=3, moves=["assign", name], progress=False)
        for name in ("feature_priors", "pixel_priors")
    )
    for name in ("assignments", "alpha", "beta"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert "feature_priors_seconds" in one.trace
