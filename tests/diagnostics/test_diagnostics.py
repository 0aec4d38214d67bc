"""Whether chains have mixed: the criteria, the words, the files."""

import json
import math
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import bitmix
from bitmix import diagnostics
from bitmix.chains import TRACE
from bitmix.diagnostics import choose_pairs, diagnose, statistics

SWEEPS = 1000
VECTORS = 60


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def x():
    return (np.random.default_rng(0).random((VECTORS, 30)) < 0.4).astype(np.uint8)


@pytest.fixture(scope="module")
def sampled(x):
    moves = ("assign", "pixel_priors")
    return bitmix.sample(x, chains=2, sweeps=5, initial_clusters=9, moves=moves, progress=False)


@pytest.fixture
def chains(sampled):
    """Return chains with independent normal draws as traces and random kept states."""

    def make(number=4, sweeps=SWEEPS, thin=1, shift=(), seed=1, **settings):
        rng = np.random.default_rng(seed)
        made = []
        for chain in range(number):
            trace = {
                name: (1000 + 100 * rng.normal(size=sweeps)).astype(dtype)
                for name, dtype in TRACE.items()
            }
            for name, offset in shift:
                trace[name] = trace[name] + np.array(chain * offset, trace[name].dtype)
            trace["assign_seconds"] = np.full(sweeps, 0.5)
            kept = np.arange(thin, sweeps + 1, thin)
            samples = {
                "sweep": kept,
                "assignments": rng.integers(3, size=(len(kept), VECTORS)).astype(np.int32),
                "alpha": np.ones((len(kept), 30)),
                "beta": np.ones((len(kept), 30)),
                "concentration": np.ones(len(kept)),
            }
            config = {**sampled[0].config, "sweeps": sweeps, "thin": thin, **settings}
            made.append(
                replace(sampled[0], chain=chain, trace=trace, samples=samples, config=config)
            )
        return made

    return make


def without(latents, name, values):
    """Return the latents with other values of a quantity."""
    return [
        replace(latent, trace={**latent.trace, name: np.array(values(latent), TRACE[name])})
        for latent in latents
    ]


# Criteria -----------------------------------------------------------------------------------------


def test_independent_draws_have_mixed(x, chains):
    found = diagnose(chains(), x)
    assert found.mixed, found.verdict
    assert found.verdict.startswith("These chains have mixed, as far as 500 sweeps")
    assert list(found.quantities) == list(diagnostics.QUANTITIES)
    assert found.left_out == {}
    for values in [*found.quantities.values(), *found.pairs]:
        assert values["r_hat"] <= 1.01
        assert min(values["ess_bulk"], values["ess_tail"]) > 1000
    for name in found.quantities:
        assert found.quantities[name]["mean"] == pytest.approx(1000, abs=10)
        assert found.quantities[name]["sd"] == pytest.approx(100, rel=0.1)
        assert found.quantities[name]["mcse_mean"] == pytest.approx(100 / 2000**0.5, rel=0.2)
    assert [pair["mean"] for pair in found.pairs] == pytest.approx([1 / 3] * 20, abs=0.05)


def test_shifted_chains_have_not(x, chains):
    found = diagnose(chains(shift=[("entropy", 200.0)], moves=("assign",)), x)
    assert not found.mixed
    said = r"These chains have not mixed: R-hat of entropy of the sizes 2\.\d+ \(above 1\.01\); "
    said += r"effective sample size of entropy of the sizes \d+ \(below 400, 100 a chain\)\."
    assert re.match(said, found.verdict), found.verdict
    assert "split_merge" in found.verdict
    assert "log joint" not in found.verdict


def test_a_different_spread_is_found(x, chains):
    latents = chains()
    wide = without(latents[:1], "log_joint", lambda one: 5 * one.trace["log_joint"] - 4000)
    found = diagnose([*wide, *latents[1:]], x)
    assert "R-hat of log joint" in found.verdict


def test_slow_chains_have_too_small_a_sample(x, chains):
    rng = np.random.default_rng(3)
    slow = without(chains(), "log_joint", lambda _: rng.normal(size=SWEEPS // 50).repeat(50))
    found = diagnose(slow, x)
    assert found.quantities["log_joint"]["ess_bulk"] < 100
    assert not found.mixed
    assert "effective sample size of log joint" in found.verdict


def test_pairs_count(x, chains):
    latents = chains()
    stuck = [
        replace(one, samples={**one.samples, "assignments": one.samples["assignments"] * (i > 1)})
        for i, one in enumerate(latents)
    ]
    found = diagnose(stuck, x)
    assert not found.mixed
    assert "R-hat of pairs sharing a cluster" in found.verdict


def test_r_hat_by_hand():
    """Two chains have the ranks 1..4 and 5..8. Each is split in two."""
    from scipy.stats import norm

    draws = np.array([[1, 2, 3, 4], [5, 6, 7, 8.0]])
    z = norm.ppf((np.arange(1, 9) - 3 / 8) / (8 + 1 / 4)).reshape(4, 2)
    within, between = z.var(axis=1, ddof=1).mean(), 2 * z.mean(axis=1).var(ddof=1)
    assert statistics(draws)["r_hat"] == pytest.approx(
        math.sqrt((within / 2 + between / 2) / within)
    )


def test_chains_that_stand_still_apart_have_an_infinite_r_hat(x, chains):
    found = diagnose(without(chains(), "clusters", lambda one: [one.chain + 1] * SWEEPS), x)
    assert found.quantities["clusters"]["r_hat"] == math.inf
    assert "R-hat of number of clusters (chains stand still at different values)" in found.verdict


def test_chains_that_stand_still_but_for_one_step_have_an_infinite_r_hat():
    draws = np.zeros((4, 200))
    draws[0, 100:] = 1
    assert statistics(draws)["r_hat"] == math.inf
    draws[0, 150] = 0
    assert 1 < statistics(draws)["r_hat"] < math.inf


# What cannot be judged ----------------------------------------------------------------------------


def test_what_is_constant_is_left_out_and_said(x, chains):
    found = diagnose(without(chains(), "concentration", lambda _: np.ones(SWEEPS)), x)
    assert found.mixed
    assert "concentration" not in found.quantities
    assert "Not judged: concentration (always 1)." in found.verdict


@pytest.mark.parametrize(("name", "value"), [("entropy", math.nan), ("largest", 0)])
def test_what_is_not_known_is_left_out_and_said(x, chains, name, value):
    found = diagnose(without(chains(), name, lambda _: [value] * SWEEPS), x)
    assert found.mixed
    assert list(found.left_out) == [name]
    assert "not recorded" in found.verdict


def test_one_chain_shows_nothing(x, chains):
    found = diagnose(chains(number=1), x)
    assert not found.mixed
    assert found.verdict.startswith("One chain cannot show that it has mixed. What to do: more ch")
    assert found.quantities["log_joint"]["ess_bulk"] > 300
    assert math.isnan(found.quantities["log_joint"]["r_hat"])


def test_the_five_sweeps_of_the_study(x, sampled):
    found = diagnose(sampled, x)
    assert not found.mixed
    unknown = "It is unknown whether these chains have mixed: "
    assert found.verdict.startswith(f"{unknown}3 sweeps after the warmup are too few. What to do:")
    shorter = diagnose(sampled, x, warmup=4).verdict
    assert shorter.startswith(f"{unknown}1 sweep after the warmup is too few.")
    assert "initial: seeded" in found.verdict
    assert "no states were kept, 100 a chain are needed after the warmup: set thin" in found.verdict
    assert found.pairs == []


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("sweeps", [1, 2, 3, 4, 8, 9])
def test_few_sweeps(x, chains, number, sweeps):
    found = diagnose(chains(number, sweeps), x)
    assert not found.mixed
    assert found.verdict.count("What to do: ") == 1
    assert diagnostics.table(found).count("\n") >= 1


def test_pairs_have_the_ids_of_the_rows(x, chains):
    found = diagnose(chains(2, thin=1), x)
    ids = [f"person {row}" for row in range(len(x))]
    table = diagnostics.table(found, ids)
    assert found.pairs
    for pair in found.pairs:
        assert f"rows person {pair['first']} and person {pair['second']} together" in table


def squeezed(table):
    """Return a table without the spaces that align its columns."""
    rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
    return "\n".join(f"| {' | '.join(cells)} |" if cells else "" for cells in rows)


def test_the_table_rounds_to_the_standard_deviation(x, chains):
    found = diagnose(chains(2), x)
    told = {"mcse_mean": 1234.0, "r_hat": 1.2, "ess_bulk": 56.0, "ess_tail": 7.0}
    huge = told | {"mean": -2_235_644.1, "sd": 19_634.2}
    small = told | {"mean": 72.3456, "sd": 3.9123, "mcse_mean": 0.123}
    still = dict.fromkeys(told, math.nan) | {"mean": 1_234_567.0, "sd": 0.0}
    quantities = {"log_joint": huge, "clusters": small, "largest": still}
    table = diagnostics.table(replace(found, quantities=quantities, pairs=[]))
    lines = squeezed(table).splitlines()[2:]
    assert lines == [
        "| log joint | -2,235,600 | 19,600 | 1,200 | 1.200 | 56 | 7 |",
        "| number of clusters | 72.35 | 3.91 | 0.12 | 1.200 | 56 | 7 |",
        "| largest cluster | 1,234,567 | 0 |  |  |  |  |",
    ]


def test_few_states_are_shown_but_not_judged(x, chains):
    found = diagnose(chains(thin=10), x)
    assert found.mixed
    assert len(found.pairs) == 20
    assert "50 states a chain were kept, 100 a chain are needed" in found.verdict


def test_chains_of_different_runs_are_refused(x, chains):
    latents = chains(number=2)
    with pytest.raises(ValueError, match="chains 0 and 1 differ in their settings"):
        diagnose([latents[0], replace(latents[1], config={"sweeps": 7})], x)
    with pytest.raises(ValueError, match="the same chain is there twice"):
        diagnose([latents[0], latents[0]], x)
    with pytest.raises(ValueError, match="chains 0 and 1 differ in their data"):
        diagnose([latents[0], replace(latents[1], data_sha256="0" * 64)], x)
    with pytest.raises(ValueError, match="number of sweeps"):
        diagnose([latents[0], *chains(sweeps=9)], x)
    with pytest.raises(ValueError, match="other rows"):
        diagnose(latents, 1 - x)
    with pytest.raises(ValueError, match="at least one Latent"):
        diagnose([], x)
    with pytest.raises(ValueError, match="warmup is 1000"):
        diagnose(latents, x, warmup=SWEEPS)


# Pairs --------------------------------------------------------------------------------------------


def test_pairs_are_near_and_far_and_always_the_same(x):
    pairs = choose_pairs(x, seed=5)
    np.testing.assert_array_equal(pairs, choose_pairs(x.astype(float), seed=5))
    assert pairs.shape == (20, 2)
    assert len(set(pairs[:, 0])) == 20
    assert (pairs[:, 0] != pairs[:, 1]).all()
    distances = (x[:, None] != x).sum(axis=2)
    for i, (first, second) in enumerate(pairs):
        nearer = (np.delete(distances[first], first) < distances[first, second]).sum()
        assert nearer < round(6 ** (i / 19))  # the rank grows from 1 to 60 / 10
    assert (choose_pairs(x, seed=6) != pairs).any()


def test_missing_features_do_not_make_neighbours(x):
    observed = np.random.default_rng(1).random(x.shape) < 0.7
    observed[3] = False
    np.testing.assert_array_equal(
        choose_pairs(x, observed), choose_pairs(np.where(observed, x, 1), observed)
    )
    pairs = choose_pairs(x, observed, VECTORS)
    for first, second in pairs[pairs[:, 0] != 3][:10]:  # the nearest neighbours
        both = observed & observed[first]
        shares = ((x != x[first]) & both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        shares[[3, first]] = 1
        assert shares[second] == shares.min()


@pytest.mark.parametrize(("vectors", "pairs"), [(1, 0), (2, 2), (5, 5)])
def test_pairs_of_few_rows(x, vectors, pairs):
    found = choose_pairs(x[:vectors])
    assert found.shape == (pairs, 2)
    assert (found[:, 0] != found[:, 1]).all()


# Moves --------------------------------------------------------------------------------------------


def test_proposals_and_seconds_after_the_warmup(x, chains):
    latents = [
        replace(
            one,
            trace=one.trace
            | {
                "splits_proposed": np.full(SWEEPS, 10),
                "splits_accepted": np.arange(SWEEPS) // 500,
                "merges_proposed": np.zeros(SWEEPS, int),
                "merges_accepted": np.zeros(SWEEPS, int),
            },
        )
        for one in chains()
    ]
    found = diagnose(latents, x)
    assert found.seconds == {"assign": 0.5}
    assert found.proposals["splits"] == {"proposed": 20000, "accepted": 2000, "rate": 0.1}
    assert found.proposals["merges"]["proposed"] == 0
    table = squeezed(diagnostics.moves_table(found))
    assert "| assign | 0.5 |" in table
    assert "| splits | 20,000 | 2,000 | 10.00% |" in table
    assert "| merges | 0 | 0 |  |" in table


# Files --------------------------------------------------------------------------------------------


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize("sweeps", [1, 2, 5, SWEEPS])
def test_strict_json(tmp_path, x, chains, sweeps):
    found = diagnose(without(chains(2, sweeps), "clusters", lambda one: [one.chain] * sweeps), x)
    path = tmp_path / "new/diagnostics.json"
    diagnostics.write_diagnosis(path, found)
    told = json.loads(path.read_text(), parse_constant=no_constant)
    assert told["mixed"] is False
    assert told["verdict"] == found.verdict
    assert told["quantities"]["clusters"]["r_hat"] is None
    assert told["thresholds"] == {"r_hat": 1.01, "ess_per_chain": 100, "draws": 4}
    assert told["settings"]["moves"] == ["assign", "pixel_priors"]
    assert told["draws"] == {"chain": 2, "draw": sweeps - sweeps // 2}
    assert len(told["pairs"]) == 20


def test_xarray_reads_the_draws(tmp_path, x, chains):
    latents = chains(number=3, thin=100)
    found = diagnose(latents, x, warmup=400)
    diagnostics.write_diagnosis(tmp_path / "diagnostics.json", found)
    with xr.open_datatree(tmp_path / "diagnostics.nc", engine="h5netcdf") as tree:
        tree.load()
    xr.testing.assert_identical(tree, found.tree)
    assert set(tree.children) == {
        "posterior",
        "sample_stats",
        "warmup_posterior",
        "warmup_sample_stats",
        "coclustering",
    }
    trace = latents[2].trace["log_joint"]
    np.testing.assert_array_equal(tree["posterior/log_joint"].sel(chain=2), trace[400:])
    np.testing.assert_array_equal(tree["warmup_posterior/log_joint"].sel(chain=2), trace[:400])
    assert tree["posterior"]["draw"].to_numpy().tolist() == list(range(401, 1001))
    together = tree["coclustering/together"]
    assert together["draw"].to_numpy().tolist() == [500, 600, 700, 800, 900, 1000]
    first, second = (int(together[name][7]) for name in ("first", "second"))
    state = latents[1].samples["assignments"][5]
    assert together.sel(chain=1, draw=600)[7] == (state[first] == state[second])
    assert tree.attrs["data_sha256"] == latents[0].data_sha256
    assert json.loads(tree.attrs["settings"])["sweeps"] == SWEEPS


def test_no_path_no_files(tmp_path, monkeypatch, x, chains):
    monkeypatch.chdir(tmp_path)
    diagnostics.write_diagnosis("", diagnose(chains(2, 4), x))
    assert list(tmp_path.iterdir()) == []


def test_autocorrelation_of_an_autoregression():
    rng = np.random.default_rng(0)
    walk = [0.0]
    for step in rng.normal(size=20_000):
        walk.append(0.8 * walk[-1] + step)
    found = diagnostics.autocorrelation(np.array([walk, np.ones(len(walk))]), lags=5)
    assert found.shape == (2, 6)
    np.testing.assert_allclose(found[0], 0.8 ** np.arange(6), atol=0.03)
    assert np.isnan(found[1]).all()
