"""The compiled kernel, compared with the NumPy reference, and its limits."""

import numpy as np
import pytest
from mixtures import ALWAYS, NEVER, check_counts, mixture_of, update_priors
from reference import Reference, chain_generator, log_joint, log_marginal
from scripted import GREATEST, Scripted

from bitmix import kernel
from bitmix.model import HYPERPRIORS
from bitmix.sampling.moves import MOVES
from bitmix.sampling.settings import Settings

KINDS = "splits", "merges", "repartitions"

# ---------------------------------------------------------------- reference


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize("hyperprior", ["exponential", "bda"])
def test_chain_equals_the_reference(mnist, probe, hyperprior):
    x = mnist.x[:300]
    rng = chain_generator(1, 0)
    z = np.unique([int(rng.random() * 40) for _ in x], return_inverse=True)[1]
    alpha, beta = np.ones(784), np.ones(784)
    reference = Reference(x, z, alpha, beta, 1.5, rng.random)
    bits = np.random.PCG64()
    bits.state = rng.bit_generator.state
    mixture = mixture_of(x, z, alpha, beta, 1.5)
    for _ in range(4):
        assert kernel.sweep(mixture, bits, probe=probe) == reference.sweep()
        assert mixture.screening == (probe == ALWAYS)
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        update_priors(mixture, bits, hyperprior)
        reference.update_pixel_priors(HYPERPRIORS[hyperprior])
        np.testing.assert_allclose(mixture.alpha, reference.alpha, rtol=1e-9)
        np.testing.assert_allclose(mixture.beta, reference.beta, rtol=1e-9)
    assert bits.state == rng.bit_generator.state
    check_counts(mixture, x)


@pytest.mark.parametrize(
    ("clusters", "often", "launch"),
    [(40, 1, kernel.LAUNCH), (4, 0, kernel.LAUNCH), (40, 1, 8), (4, 0, 60)],
    ids=["merges", "splits", "merges with two tests", "splits with two tests"],
)
def test_split_merge_equals_the_reference(mnist, clusters, often, launch):
    x, z = mnist.x[:300], np.arange(300) % clusters
    alpha, beta = np.random.default_rng(0).uniform([[0.05], [0.1]], [[0.2], [0.4]], (2, 784))
    rng = chain_generator(1, 0)
    reference = Reference(x, z, alpha, beta, 1.5, rng.random)
    bits = np.random.PCG64()
    bits.state = rng.bit_generator.state
    mixture = mixture_of(x, z, alpha, beta, 1.5)
    accepted = np.zeros(3, int)
    for _ in range(4):
        before = mixture.log_joint()
        tally, gain, work = kernel.split_merge(mixture, bits, 50, launch=launch)
        assert dict(zip(KINDS, tally.tolist(), strict=True)) == reference.split_merge(50, launch)
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        assert mixture.log_joint() - before == pytest.approx(gain, abs=1e-6)
        assert work > 0
        accepted += tally[:, 1]
        assert kernel.sweep(mixture, bits) == reference.sweep()
    assert bits.state == rng.bit_generator.state
    assert accepted[often] > 3
    assert accepted[2] > 3 or launch < kernel.LAUNCH
    check_counts(mixture, x)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_screening_changes_no_draw(mnist, temperature):
    """The draws are those of scoring all clusters, even while clusters change a lot."""
    rows = kernel.Rows(mnist.x)
    bits = np.random.PCG64(3)
    start = kernel.mixture_of(rows, np.arange(len(mnist.x)) % 100, np.ones(784), np.ones(784), 1.0)
    for _ in range(3):
        kernel.sweep(start, bits)
        update_priors(start, bits)
        state = start.assignments, start.alpha, start.beta, 1.0
        both = [kernel.mixture_of(rows, *state) for _ in range(2)]
        moved = [
            kernel.sweep(mixture, np.random.PCG64(4), temperature=temperature, probe=probe)
            for mixture, probe in zip(both, (ALWAYS, NEVER), strict=True)
        ]
        assert moved[0] == moved[1] > 1000
        assert both[0].screening and not both[1].screening
        np.testing.assert_array_equal(both[0].assignments, both[1].assignments)


@pytest.mark.parametrize("best", [(0,), (2000,), (0, 1), (0, 2001), (2000, 2001)], ids=str)
@pytest.mark.parametrize("u", [1e-5, 0.5, 1 - 1e-5])
def test_screening_changes_no_draw_at_the_ends(best, u):
    """2,000 clusters are 17 nats below the best ones: too improbable to score, unless for such u.

    They have 4e-5 of the probability, at the end that the best ones leave, or between them.
    """
    few = np.setdiff1d(np.arange(2000 + len(best)), best)
    many = np.repeat(best, [999, 1000][-len(best) :])  # as many without row 0
    z = np.concatenate([many[::-1], few])
    x = np.ones((len(z), 25))
    others = np.where(z[1:] == best[0], 0.2, 0.8)  # rows of the best clusters stay there
    together = []
    for probe in (ALWAYS, NEVER):
        mixture = mixture_of(x, z)
        script = iter([GREATEST] * (len(z) - 1) + [u, *others])  # in the order of the rows
        kernel.sweep(mixture, Scripted(script.__next__), probe=probe)
        together.append(mixture.sizes[mixture.assignments[0]] > 500)
    expected = 1 - 1e-5 if best[-1] == len(best) - 1 else 1e-5
    if best == (0, 2001):
        expected = 0.5
    assert together == [u != expected] * 2


def test_screening_changes_no_draw_where_costs_are_cut_off():
    """Cluster 2 lacks four features of row 0, but seems the best, because costs have a limit."""
    rng = np.random.default_rng(1)
    z = np.repeat([1, 0, 1, 2], [1, 20, 200, 100])
    for mixed in range(36, 56, 2):
        x = np.ones((len(z), mixed + 10), int)
        x[1:, :mixed] = rng.integers(0, 2, (len(z) - 1, mixed))
        x[221:, -4:] = 0
        prior = np.full(mixed + 10, 0.001)
        for u in (0.001, 0.01, 0.1):
            found = []
            for probe in (ALWAYS, NEVER):
                mixture = mixture_of(x, z, prior, prior)
                script = iter([GREATEST] * (len(z) - 1) + [u] + [0.5] * (len(z) - 1))
                kernel.sweep(mixture, Scripted(script.__next__), probe=probe)
                found.append(mixture.assignments[0])
            assert found[0] == found[1], (mixed, u)


def test_screening_changes_no_draw_while_clusters_grow():
    """Clusters of mixed rows become pure in one sweep, and outgrow all weights of its start."""
    rng = np.random.default_rng(0)
    kinds = rng.random((3, 1000)) < [[0.02], [0.5], [0.5]]
    x = kinds[rng.integers(0, 3, 300)] ^ (rng.random((300, 1000)) < 0.01)
    z = rng.integers(0, 3, 300)
    both = [mixture_of(x, z, np.full(1000, 0.05), np.full(1000, 0.05)) for _ in range(2)]
    bits = [np.random.PCG64(1), np.random.PCG64(1)]
    for _ in range(3):
        for mixture, bit_generator, probe in zip(both, bits, (ALWAYS, NEVER), strict=True):
            kernel.sweep(mixture, bit_generator, probe=probe)
        np.testing.assert_array_equal(both[0].assignments, both[1].assignments)
    assert both[0].clusters == 3


@pytest.mark.parametrize("u", [0.0, GREATEST])
def test_the_ends_draw_the_first_and_the_last_cluster(u):
    x = np.random.default_rng(0).integers(0, 2, (60, 3))
    state = x, np.arange(60) % 40, np.ones(3), np.ones(3), 1.0
    mixture, reference = mixture_of(*state), Reference(*state, lambda: u)
    for _ in range(3):
        assert kernel.sweep(mixture, Scripted(lambda: u), probe=NEVER) == reference.sweep()
        np.testing.assert_array_equal(mixture.assignments, reference.z)


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
def test_sweeps_of_many_rows_equal_the_reference(probe):
    """Random numbers are drawn some at a time."""
    rng = np.random.Generator(np.random.PCG64(4))
    state = np.random.default_rng(0).integers(0, 2, (2500, 3)), np.arange(2500) % 5
    reference = Reference(*state, np.ones(3), np.ones(3), 1.0, rng.random)
    mixture, bits = mixture_of(*state), np.random.PCG64(4)
    assert kernel.sweep(mixture, bits, probe=probe) == reference.sweep()
    np.testing.assert_array_equal(mixture.assignments, reference.z)
    assert bits.state == rng.bit_generator.state


def test_wide_rows_have_one_test():
    """From 4,096 features on, `launch` makes no difference."""
    x = np.random.default_rng(0).integers(0, 2, (30, 4096))
    found = []
    for launch in (2, kernel.LAUNCH):
        mixture = mixture_of(x, np.arange(30) % 3)
        tally, gain, _ = kernel.split_merge(mixture, np.random.PCG64(1), 20, launch=launch)
        found.append((tally.tolist(), gain, mixture.assignments.tolist()))
    assert found[0] == found[1]


# ---------------------------------------------------------------- log joint


@pytest.mark.parametrize("clusters", [5, 30, 800])
def test_log_joint(mnist, clusters):
    x = mnist.x[:1200]
    rng = np.random.default_rng(2)
    z = clusters * rng.random(len(x)) ** 2  # small and large clusters
    z = np.unique(z.astype(int), return_inverse=True)[1]
    alpha, beta = rng.gamma(1.0, 1.0, (2, 784)) + 1e-3
    mixture = mixture_of(x, z, alpha, beta, 0.7)
    expected = log_joint(x, z, alpha, beta, 0.7)
    assert mixture.log_joint() == pytest.approx(expected, rel=1e-13)
    args = mixture.sizes, mixture.counts, mixture.alpha, mixture.beta, 0.7
    assert kernel.log_joint(*args) == mixture.log_joint()
    assert log_marginal(x, z, alpha, beta).sum() < 0


# ---------------------------------------------------------------- missing pixels


def test_nothing_missing_is_the_plain_model(mnist):
    """Without missing features, the kernel for missing features samples the same chain."""
    x, bits = mnist.x[:400], [np.random.PCG64(6), np.random.PCG64(6)]
    whole = mixture_of(x, np.arange(400) % 30)
    holed = mixture_of(x, np.arange(400) % 30, observed=np.ones(x.shape, bool))
    assert type(whole) is not type(holed)
    assert whole.log_joint() == pytest.approx(holed.log_joint(), rel=1e-14)
    for _ in range(3):
        assert kernel.sweep(whole, bits[0]) == kernel.sweep(holed, bits[1])
        np.testing.assert_array_equal(whole.assignments, holed.assignments)
    np.testing.assert_array_equal(whole.counts, holed.counts)
    np.testing.assert_array_equal(holed.observed, np.tile(holed.sizes[:, None], 784))


def test_nothing_missing_is_the_plain_model_to_split_merge(mnist):
    x = mnist.x[:400]
    whole = mixture_of(x, np.arange(400) % 30)
    holed = mixture_of(x, np.arange(400) % 30, observed=np.ones(x.shape, bool))
    settings = Settings(proposals=100)
    reports = [
        MOVES["split_merge"](mixture, settings, np.random.PCG64(6)) for mixture in (whole, holed)
    ]
    assert reports[0] == pytest.approx(reports[1], rel=1e-12)
    assert reports[0]["merges_accepted"] > 0
    np.testing.assert_array_equal(whole.assignments, holed.assignments)


def test_missing_features_count_for_nothing(mnist):
    rng = np.random.default_rng(8)
    x, observed = mnist.x[:300], rng.random((300, 784)) < 0.6
    mixture = mixture_of(x, np.arange(300) % 40, observed=observed)
    bits = np.random.PCG64(9)
    for _ in range(5):
        kernel.sweep(mixture, bits)
        update_priors(mixture, bits)
    z = mixture.assignments
    assert mixture.clusters < 40
    check_counts(mixture, x, observed)
    expected = log_joint(x, z, mixture.alpha, mixture.beta, 1.0, observed)
    assert mixture.log_joint() == pytest.approx(expected, rel=1e-13)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
@pytest.mark.parametrize(
    "x",
    [
        np.ones((1, 1)),
        np.zeros((1, 1)),
        np.zeros((40, 7)),
        np.ones((40, 7)),
        np.eye(33),
        np.tril(np.ones((65, 64))),
        np.eye(3, 1000),
    ],
    ids=["one-1", "one-0", "zeros", "ones", "eye", "triangle", "wide"],
)
def test_shapes_at_the_limit(x, probe):
    x = x.astype(np.uint8)
    rng = chain_generator(7, 0)
    z = np.zeros(len(x), int)
    reference = Reference(x, z, np.ones(x.shape[1]), np.ones(x.shape[1]), 1.0, rng.random)
    mixture = mixture_of(x, z)
    bits = np.random.PCG64()
    bits.state = rng.bit_generator.state
    for _ in range(10):
        assert kernel.sweep(mixture, bits, probe=probe) == reference.sweep()
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        report = MOVES["split_merge"](mixture, Settings(proposals=5), bits)
        found = [[report[f"{kind}_{what}"] for what in ("proposed", "accepted")] for kind in KINDS]
        assert found == list(reference.split_merge(5).values())
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        update_priors(mixture, bits)
        reference.update_pixel_priors(HYPERPRIORS["exponential"])
    np.testing.assert_allclose(mixture.alpha, reference.alpha, rtol=1e-9)
    check_counts(mixture, x)


@pytest.mark.parametrize("probe", [ALWAYS, NEVER])
def test_clusters_outgrow_their_room(probe):
    """One sweep goes from one cluster to hundreds, and another sweep goes back."""
    x = np.random.default_rng(1).integers(0, 2, (500, 20), dtype=np.uint8)
    mixture = mixture_of(x, np.zeros(500, int), concentration=1e6)
    kernel.sweep(mixture, np.random.PCG64(1), probe=probe)
    assert mixture.clusters > 400
    check_counts(mixture, x)
    few = mixture_of(x, mixture.assignments, concentration=1e-6)
    bits = np.random.PCG64(2)
    for _ in range(20):
        kernel.sweep(few, bits, probe=probe)
    assert few.clusters < 100
    check_counts(few, x)


def test_splits_outgrow_their_room():
    x = np.random.default_rng(1).integers(0, 2, (200, 20), dtype=np.uint8)
    mixture = mixture_of(x, np.zeros(200, int), concentration=1e6)
    MOVES["split_merge"](mixture, Settings(proposals=2_000), np.random.PCG64(1))
    assert mixture.clusters > 190
    check_counts(mixture, x)


def test_random_numbers():
    order = kernel.permutation(np.random.PCG64(0), 1000)
    assert sorted(order) == list(range(1000))
    rng = np.random.Generator(np.random.PCG64(0))
    expected = [int(rng.random() * 7) for _ in range(100)]
    np.testing.assert_array_equal(kernel.integers(np.random.PCG64(0), 7, 100), expected)


def test_a_mixture_of_finite_mixtures_keeps_its_concentration():
    mixture = mixture_of(np.eye(3), [0, 1, 2], concentration=0.5, partition_prior="mfm")
    with pytest.raises(ValueError, match="keeps its concentration"):
        kernel.update_concentration(mixture, np.random.PCG64(0), 1.0, 1.0)
    assert mixture.concentration == 0.5


def test_instruction_sets():
    best = kernel.simd_name()
    with pytest.raises(ValueError, match="v9"):
        kernel.use_simd("v9")
    assert kernel.simd_name() == best


@pytest.mark.slow
def test_more_values_than_32_bits_count():
    """4.3 billion values, few of them on: no index may overflow."""
    rng = np.random.default_rng(0)
    x = np.zeros((70_000, 62_000), np.uint8)  # the system allocates only what is written
    theta = rng.random((5, 200))
    z = rng.integers(0, 5, len(x))
    x[:, -200:] = rng.random((len(x), 200)) < theta[z]
    rows = kernel.Rows(x)
    assert rows.active[-1] == 61_999 and len(rows.never) == 61_800
    mixture = kernel.mixture_of(rows, z, np.full(62_000, 0.5), np.full(62_000, 0.5), 1.0)
    assert kernel.sweep(mixture, np.random.PCG64(0)) < 700  # all but a few are in the right cluster
    np.testing.assert_array_equal(
        mixture.counts[0, -200:], x[mixture.assignments == 0, -200:].sum(axis=0)
    )
