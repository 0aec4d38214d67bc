"""Small random inputs: all moves, priors and instruction sets, missing features, extreme numbers.

`make sanitize` runs these tests with bounds checks and under the sanitizers, and more inputs.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pytest
from mixtures import ALWAYS, NEVER, check_counts, mixture_of, update_priors
from reference import Reference, log_joint

from bitmix import kernel
from bitmix.model import HYPERPRIORS

ROUNDS = 3
FEW, MANY, ALIKE = range(60), range(60, 1060), range(100)


@dataclass
class Case:
    """Rows, the state of a chain, and how to go on from there."""

    x: np.ndarray
    z: np.ndarray
    observed: np.ndarray | None
    alpha: np.ndarray
    beta: np.ndarray
    concentration: float
    prior: str
    hyperprior: str
    launch: int
    probe: int
    wide: int
    hot: float

    def mixture(self):
        state = self.x, self.z, self.alpha, self.beta, self.concentration
        return mixture_of(*state, self.observed, self.prior)

    def temperature(self, sweep):
        return self.hot if sweep % 2 else 1.0

    def split_merge(self, mixture, bits):
        return kernel.split_merge(mixture, bits, 10, launch=self.launch, wide=self.wide)


def case_of(seed):
    """Draw a case. Some features are always off or on, and some rows lack all features."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([1, 2, 5, 30, 150])), int(rng.choice([1, 2, 15, 33, 70]))
    n, d = int(rng.integers(1, n + 1)), int(rng.integers(1, d + 1))
    theta = rng.beta(0.3, 0.3, (rng.integers(1, 12), d)) * (rng.random(d) < 0.8)
    x = (rng.random((n, d)) < theta[rng.integers(0, len(theta), n)]).astype(np.uint8)
    x[:, rng.random(d) < 0.1] = 1
    observed = None
    if rng.random() < 0.5:
        observed = rng.random((n, d)) < rng.choice([0.1, 0.6, 0.95, 1.0])
        observed[rng.random(n) < 0.1] = False
    alpha, beta = np.exp(rng.uniform(*rng.choice([[-1, 1], [-9, 5]]), (2, d)))
    return Case(
        x, np.unique(rng.integers(0, rng.integers(1, n + 1), n), return_inverse=True)[1],
        observed, alpha, beta, concentration=np.exp(rng.uniform(-4, 4)),
        prior=str(rng.choice(["dp", "mfm"])), hyperprior=str(rng.choice(["exponential", "bda"])),
        launch=int(rng.choice([0, 1, 2, 5, 30, 256])),
        probe=int(rng.choice([ALWAYS, 3, NEVER])), wide=int(rng.choice([1, 4096])),
        hot=float(rng.choice([1.0, 1.5, 9.0])),
    )  # fmt: skip


def reference_of(case, uniform):
    state = case.x, case.z, case.alpha, case.beta, case.concentration
    return Reference(*state, uniform, case.observed, case.prior)


@pytest.mark.parametrize("seed", ALIKE)
def test_chain_equals_the_reference(seed):
    """Also where features are missing, and in a mixture of finite mixtures."""
    case = case_of(seed)
    rng, bits = np.random.Generator(np.random.PCG64(1)), np.random.PCG64(1)
    mixture, reference = case.mixture(), reference_of(case, rng.random)
    for sweep in range(ROUNDS):
        temperature = case.temperature(sweep)
        moved = kernel.sweep(mixture, bits, temperature=temperature, probe=case.probe)
        assert moved == reference.sweep(temperature)
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        tally, _, _ = case.split_merge(mixture, bits)
        assert tally.tolist() == list(reference.split_merge(10, case.launch, case.wide).values())
        np.testing.assert_array_equal(mixture.assignments, reference.z)
        if case.prior == "dp":
            kernel.update_concentration(mixture, bits, 1.5, 0.5)
            reference.update_concentration(1.5, 0.5)
            assert mixture.concentration == pytest.approx(reference.concentration, rel=1e-8)
        if sweep == 1:  # the next sweep has another concentration, but the same alpha and beta
            continue
        update_priors(mixture, bits, case.hyperprior)
        reference.update_pixel_priors(HYPERPRIORS[case.hyperprior])
        np.testing.assert_allclose(mixture.alpha, reference.alpha, rtol=1e-8)
        np.testing.assert_allclose(mixture.beta, reference.beta, rtol=1e-8)
    assert bits.state == rng.bit_generator.state


@pytest.mark.parametrize("launch", range(1, 6))
def test_two_tests_equal_the_reference(launch):
    """Clusters have more than `launch` rows, and many splits and merges are nearly accepted."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        theta = rng.beta(0.5, 0.5, (4, 6))[rng.integers(0, 4, 60)]
        state = (
            rng.random((60, 6)) < theta,
            np.arange(60) % 3,
            np.full(6, 0.5),
            np.full(6, 0.5),
            2.0,
        )
        uniform, bits = np.random.Generator(np.random.PCG64(1)).random, np.random.PCG64(1)
        mixture, reference = mixture_of(*state), Reference(*state, uniform)
        for _ in range(2):
            tally, _, _ = kernel.split_merge(mixture, bits, 40, launch=launch)
            assert tally.tolist() == list(reference.split_merge(40, launch).values())
            np.testing.assert_array_equal(mixture.assignments, reference.z)


def check(mixture, case):
    """Check the statistics of a state, and its log joint by a formula that is not the kernel's."""
    check_counts(mixture, case.x, case.observed)
    state = mixture.assignments, mixture.alpha, mixture.beta, mixture.concentration
    expected = log_joint(case.x, *state, case.observed, case.prior)
    assert mixture.log_joint() == pytest.approx(expected, rel=1e-11, abs=1e-9)


def chain(case):
    """Make all moves, check every state, and return the hash of all states."""
    mixture, bits, found = case.mixture(), np.random.PCG64(1), hashlib.sha256()
    for sweep in range(ROUNDS):
        before = mixture.assignments
        temperature = case.temperature(sweep)
        moved = kernel.sweep(mixture, bits, temperature=temperature, probe=case.probe)
        check(mixture, case)
        assert 0 <= moved <= len(before)
        joint = mixture.log_joint()
        tally, gain, _ = case.split_merge(mixture, bits)
        check(mixture, case)
        assert mixture.log_joint() - joint == pytest.approx(gain, rel=1e-9, abs=1e-7)
        update_priors(mixture, bits, case.hyperprior)
        if case.prior == "dp":
            kernel.update_concentration(mixture, bits, 1.5, 0.5)
        check(mixture, case)
        state = mixture.assignments, mixture.counts, mixture.alpha, mixture.beta, tally
        for array in (*state, np.array([moved, gain, joint, mixture.concentration])):
            found.update(array.tobytes())
    return found.hexdigest()


EXPECTED = {}  # the hash of each case, by the first level


@pytest.mark.parametrize(
    "seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_small_inputs(level, seeds):
    for seed in seeds:
        found = chain(case_of(seed))
        assert found == EXPECTED.setdefault(seed, found), f"case {seed}, {level}"
