"""Threads of one chain: they change no bit, and they end with each sweep."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from mixtures import ALWAYS, check_counts, mixture_of, update_priors
from scripted import GREATEST, Scripted

import bitmix
from bitmix import kernel

TASKS = Path("/proc/self/task")  # the threads of this process, also those that Python does not know


def chain(mixture, threads, sweeps, seed=1):
    """Make sweeps, priors and proposals; return what they leave, and which rows chose ahead."""
    bits = np.random.PCG64(seed)
    mixture.threads = threads
    trace, proposed = [], np.zeros(2, int)
    for _ in range(sweeps):
        moved = kernel.sweep(mixture, bits, probe=ALWAYS, worth=0)
        proposed += mixture.proposed
        update_priors(mixture, bits)
        tally, gain, _ = kernel.split_merge(mixture, bits, 5)
        trace.append((moved, tally.tolist(), gain, mixture.clusters, mixture.log_joint()))
    state = mixture.assignments, mixture.counts, mixture.alpha, mixture.beta
    return (trace, [array.tobytes() for array in state], bits.state), proposed


@pytest.mark.parametrize("partition_prior", ["dp", "mfm"])
def test_threads_change_no_bit(mnist, partition_prior):
    x = mnist.x[:1500]
    start = mixture_of(x, np.arange(1500) % 60, partition_prior=partition_prior)
    chain(start, 1, 6)
    ends = {}
    for threads in (1, 2, 3, 8):
        state = start.assignments, start.alpha, start.beta
        mixture = mixture_of(x, *state, partition_prior=partition_prior)
        ends[threads], (made, kept) = chain(mixture, threads, 4)
        check_counts(mixture, x)
        # Some rows must choose again, or nothing would be tested.
        assert made == kept == 0 if threads == 1 else made > 2000 and 20 < made - kept < made / 2
    assert ends[2] == ends[3] == ends[8] == ends[1]


def test_threads_change_no_bit_while_clusters_come_and_go():
    rng = np.random.default_rng(2)
    theta = rng.beta(0.3, 0.3, (40, 30))[rng.integers(0, 40, 2000)]
    x = (rng.random((2000, 30)) < theta).astype(int)
    z = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1) % 150
    z = np.unique(z, return_inverse=True)[1]
    ends = {}
    for threads in (1, 2):
        mixture = mixture_of(x, z, np.full(30, 0.3), np.full(30, 0.3), concentration=60.0)
        ends[threads], (made, kept) = chain(mixture, threads, 30)
    assert made > kept > 0
    assert len({clusters for *_, clusters, _ in ends[1][0]}) > 5
    assert ends[2] == ends[1]


def last_block(special, fillers, number):
    """Make a sweep of 200 rows of which the last 44 are a block; return z for 1 and for 2 threads.

    Parameters
    ----------
    special : dict
        By number of a row: its 30 + 14 features, its cluster, and its random number.
    fillers : dict
        By cluster: the features of its other rows, or None for random ones.
    number : float
        The random number of these rows. With it they do not move.
    """
    rng = np.random.default_rng(0)
    x, z, u = rng.integers(0, 2, (200, 44)), np.zeros(200, int), np.full(200, number)
    for i in range(200):
        z[i] = list(fillers)[i % len(fillers)]
        if i in special:
            x[i], z[i], u[i] = special[i]
        elif fillers[z[i]] is not None:
            x[i] = fillers[z[i]]
    found = []
    for threads in (1, 2):
        mixture = mixture_of(x, z, np.full(44, 0.05), np.full(44, 0.05), 1e-3)
        mixture.threads = threads
        script = iter([GREATEST] * 199 + u.tolist())  # in the order of the rows
        kernel.sweep(mixture, Scripted(script.__next__), probe=ALWAYS, worth=0)
        assert mixture.proposed[0] == (0 if threads == 1 else 44)
        found.append(mixture.assignments)
    return found


def features(first, second):
    return [first] * 30 + [*second]


def test_a_row_chooses_again_if_a_likely_cluster_has_changed():
    """Row 181 chooses cluster 0. Then row 180 leaves that, and it fits row 181 no more."""
    ons, offs = [1] * 14, [0] * 14
    special = {
        180: (features(1, ons), 0, 0.5),
        181: (features(1, offs), 1, 0.01),
        199: (features(0, offs), 0, GREATEST),
    }
    one, two = last_block(special, {1: None, 2: features(1, ons)}, 0.3)
    assert (one[180], one[181]) == (2, 1)
    np.testing.assert_array_equal(two, one)


def test_a_row_chooses_again_if_a_cluster_has_become_likely():
    """Cluster 0 is improbable for row 181. Then row 180 joins it, and it is not any more."""
    ons, offs, half = [1] * 14, [0] * 14, [1] * 7 + [0] * 7
    special = {
        180: (features(1, half), 2, 0.5),
        181: (features(1, offs), 1, 0.004),
        198: (features(0, ons), 2, GREATEST),
        199: (features(1, ons), 0, GREATEST),
    }
    one, two = last_block(special, {1: None, 3: features(0, half)}, 0.1)
    assert (one[180], one[181]) == (0, 0)
    np.testing.assert_array_equal(two, one)


def test_little_work_takes_one_thread(mnist):
    x, ends = mnist.x[:500], []
    for threads in (1, 2):
        mixture = mixture_of(x, np.arange(500) % 60)
        mixture.threads = threads
        for seed in range(4):
            kernel.sweep(mixture, np.random.PCG64(seed), probe=ALWAYS, worth=np.inf)
            assert mixture.screening and mixture.proposed == (0, 0)
        ends.append(mixture.assignments)
    np.testing.assert_array_equal(*ends)


def test_missing_features_take_one_thread(mnist):
    x, observed = mnist.x[:300], np.random.default_rng(8).random((300, 784)) < 0.6
    ends = {}
    for threads in (1, 2):
        mixture = mixture_of(x, np.arange(300) % 40, observed=observed)
        ends[threads], proposed = chain(mixture, threads, 3)
        assert not proposed.any()
    assert ends[2] == ends[1]


def test_log_joint_has_the_same_bits_in_threads(mnist):
    z = np.arange(len(mnist.x)) % 200
    counts = np.array([mnist.x[z == k].sum(axis=0) for k in range(200)])
    state = np.bincount(z), counts, *np.random.default_rng(0).gamma(1.0, 1.0, (2, 784)), 1.0
    alone = kernel.log_joint(*state)
    assert [kernel.log_joint(*state, threads=threads) for threads in (2, 3, 8, 64)] == [alone] * 4


@pytest.mark.skipif(not TASKS.exists(), reason="only Linux lists the threads of a process")
def test_no_thread_outlives_a_sweep(mnist):
    """So a process may fork between sweeps, and its child may sweep in threads."""
    mixture = mixture_of(mnist.x[:1500], np.arange(1500) % 60)
    before = len(list(TASKS.iterdir()))
    _, (made, _) = chain(mixture, 4, 8)
    assert made > 0
    assert len(list(TASKS.iterdir())) == before
    child = os.fork()
    if child == 0:
        chain(mixture, 4, 1)
        os._exit(0 if mixture.proposed[0] else 1)
    assert os.waitpid(child, 0)[1] == 0


# ---------------------------------------------------------------- chains


@pytest.mark.parametrize(("threads", "shares"), [(1, {1}), (2, {1, 2}), (7, {2, 3, 7})])
def test_chains_share_the_threads(threads, shares, monkeypatch):
    """A chain uses the threads that the others leave."""
    seen, lock = set(), threading.Lock()
    original = kernel.sweep

    def sweep(mixture, bits):
        with lock:
            seen.add(mixture.threads)
        return original(mixture, bits)

    monkeypatch.setattr(kernel, "sweep", sweep)
    x = np.random.default_rng(0).integers(0, 2, (60, 5))
    config = {"chains": 3, "sweeps": 300, "initial_clusters": 5, "progress": False}
    latents = bitmix.sample(x, threads=threads, **config)
    assert max(1, threads // 3) in seen <= shares
    for one, other in zip(latents, bitmix.sample(x, threads=1, **config), strict=True):
        np.testing.assert_array_equal(one.assignments, other.assignments)
