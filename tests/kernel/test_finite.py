"""The weights of the mixture of finite mixtures."""

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp

from bitmix.kernel import components, log_new_cluster
from bitmix.kernel.finite import log_v

SIZES = [(1, 0, 1.0), (5, 5, 1.0), (5, 3, 0.5), (800, 7, 1.0), (800, 300, 2.0), (100_000, 40, 0.1)]


@pytest.mark.parametrize(("rows", "clusters", "concentration"), SIZES)
def test_log_v_is_the_sum_of_a_long_series(rows, clusters, concentration):
    k = np.arange(max(clusters, 1), 100_000)
    terms = np.log(0.1) + (k - 1) * np.log(0.9) + gammaln(k + 1) - gammaln(k - clusters + 1)
    terms += gammaln(concentration * k) - gammaln(concentration * k + rows)
    assert log_v(rows, clusters, concentration) == pytest.approx(logsumexp(terms), rel=1e-13)


@pytest.mark.parametrize(("rows", "clusters", "concentration"), SIZES[1:])
def test_the_weights_of_one_more_row_add_up(rows, clusters, concentration):
    """V_n(t) = (n + g t) V_{n+1}(t) + g V_{n+1}(t + 1) (Miller and Harrison 2018, prop. 3.2)."""
    same = log_v(rows + 1, clusters, concentration) - log_v(rows, clusters, concentration)
    new = np.exp(log_new_cluster(rows + 1, concentration, clusters)[clusters])
    total = np.exp(same) * (rows + concentration * clusters + new)
    assert total == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(("rows", "clusters", "concentration"), SIZES[1:5])
def test_components_given_clusters(rows, clusters, concentration):
    """p(M | t) = k! / (k - t)! Gamma(g k) / Gamma(g k + n) p(k) / V_n(t) (Miller and Harrison)."""
    found = components(rows, clusters, concentration)
    assert found.sum() == pytest.approx(1)
    assert not found[:clusters].any()
    k = np.arange(clusters, len(found))
    terms = np.log(0.1) + (k - 1) * np.log(0.9) + gammaln(k + 1) - gammaln(k - clusters + 1)
    terms += gammaln(concentration * k) - gammaln(concentration * k + rows)
    expected = np.exp(terms - log_v(rows, clusters, concentration))
    np.testing.assert_allclose(found[clusters:], expected, atol=1e-9)


def test_components_without_rows_are_the_prior():
    expected = 0.1 * 0.9 ** np.arange(50)
    np.testing.assert_allclose(components(0, 0, 0.5)[:51], [0, *expected], rtol=1e-6)


def test_components_by_simulation():
    """Draw components and four rows from the prior, and keep the draws with two clusters."""
    rng = np.random.default_rng(0)
    number = rng.geometric(0.1, 20_000)
    weights = rng.gamma(0.5, size=(len(number), number.max()))
    weights[np.arange(number.max()) >= number[:, None]] = 0
    bounds = weights.cumsum(axis=1)
    rows = rng.random((len(number), 4)) * bounds[:, -1:]
    component = np.sort((rows[:, :, None] > bounds[:, None]).sum(axis=2))
    two = number[(np.diff(component) > 0).sum(axis=1) == 1]
    expected = components(4, 2, 0.5)
    for m in range(2, 12):
        assert np.mean(two == m) == pytest.approx(expected[m], abs=0.02)
