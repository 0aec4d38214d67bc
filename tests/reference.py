"""The sampler again, in NumPy and double precision, with the kernel's random numbers.

You can check it against the papers by eye. It shares no code with the package.
"""

from functools import cache

import numpy as np
from scipy.special import betaln, expit, gammaln, log_expit, log_softmax, logsumexp


def chain_generator(seed, chain):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed).spawn(chain + 1)[-1]))


def permutation(uniform, n):
    """Shuffle as Fisher and Yates do, from the end."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def log_partition(sizes, concentration, prior="dp"):
    """Return log p(z) of the Chinese restaurant process or the mixture of finite mixtures."""
    sizes = np.asarray(sizes)
    if prior == "mfm":
        log_v = log_components(int(sizes.sum()), len(sizes), concentration)
        return log_v + (gammaln(sizes + concentration) - gammaln(concentration)).sum()
    return (
        len(sizes) * np.log(concentration)
        + gammaln(sizes).sum()
        + gammaln(concentration)
        - gammaln(concentration + sizes.sum())
    )


@cache
def log_components(n, t, concentration):
    """Return the log of p(z) without the factors of the clusters: a sum over M of three terms.

    They are p(M), the number of ways to choose the t clusters among the M components in order, and
    the part of the Dirichlet-multinomial probability that does not depend on the sizes.
    """
    m = np.arange(max(t, 1), 20_000)
    log_p = np.log(0.1) + (m - 1) * np.log(0.9) + gammaln(m + 1) - gammaln(m - t + 1)
    return logsumexp(log_p + gammaln(m * concentration) - gammaln(m * concentration + n))


def log_new_cluster(n, t, concentration, prior="dp"):
    """Return the log weight of a new cluster beside t others, where a cluster has its size + g."""
    if prior == "dp":
        return np.log(concentration)
    log_v = [log_components(n, clusters, concentration) for clusters in (t, t + 1)]
    return log_v[1] - log_v[0] + np.log(concentration)


def log_marginal(x, z, alpha, beta, observed=None):
    """Return log p(x | z, alpha, beta), with theta integrated out, shape (D,)."""
    observed = np.ones(x.shape, int) if observed is None else observed.astype(int)
    total = np.zeros(x.shape[1])
    for k in np.unique(z):
        heads = (x * observed)[z == k].sum(axis=0, dtype=int)
        tails = observed[z == k].sum(axis=0) - heads
        total += betaln(alpha + heads, beta + tails) - betaln(alpha, beta)
    return total


def log_joint(x, z, alpha, beta, concentration, observed=None, prior="dp"):
    sizes = np.bincount(z)
    log_z = log_partition(sizes[sizes > 0], concentration, prior)
    return log_z + log_marginal(x, z, alpha, beta, observed).sum()


class Reference:
    def __init__(
        self, x, z, alpha, beta, concentration, uniform, observed=None, partition_prior="dp"
    ):
        self.complete = observed is None
        self.seen = np.ones(np.shape(x), bool) if self.complete else observed
        self.x = np.where(self.seen, x, 0).astype(bool)
        self.prior = partition_prior
        self.z = np.array(z)
        self.alpha, self.beta = np.array(alpha, float), np.array(beta, float)
        self.concentration = concentration
        self.uniform = uniform
        self._count()

    def _count(self):
        self.sizes = np.bincount(self.z)
        members = [self.z == k for k in range(len(self.sizes))]
        self.heads = np.array([self.x[m].sum(axis=0) for m in members])
        self.present = np.array([self.seen[m].sum(axis=0) for m in members])

    @property
    def shift(self):
        """What the weight of a cluster adds to its size."""
        return self.concentration if self.prior == "mfm" else 0.0

    def log_new(self, clusters):
        """Return the log weight of a new cluster beside so many others."""
        return log_new_cluster(len(self.x), clusters, self.concentration, self.prior)

    def sweep(self, temperature=1.0):
        """Reassign every row once (Neal 2000, algorithm 3); return how many moved."""
        moved = 0
        for i in permutation(self.uniform, len(self.x)):
            own = self.z[i]
            alone = self.sizes[own] == 1
            self._change(i, own, -1)
            new = self._draw(i, self.uniform(), temperature)
            if new == len(self.sizes) and not alone:
                self.sizes = np.append(self.sizes, 0)
                self.heads, self.present = with_zeros(self.heads), with_zeros(self.present)
            elif new == len(self.sizes):
                new = own  # the row is alone in its cluster already
            self._change(i, new, 1)
            self.z[i] = new
            moved += new != own
            if self.sizes[own] == 0:
                self._close(own)
        return moved

    def _change(self, i, k, delta):
        self.sizes[k] += delta
        self.heads[k] += delta * self.x[i].astype(int)
        self.present[k] += delta * self.seen[i].astype(int)

    def _draw(self, i, u, temperature):
        heads, present = with_zeros(self.heads), with_zeros(self.present)
        with np.errstate(divide="ignore"):
            score = np.log(np.where(self.sizes, self.sizes + self.shift, 0))
        score = np.append(score, self.log_new((self.sizes > 0).sum()))
        log_x = log_likelihood(self.x[i], self.seen[i], self.alpha, self.beta, heads, present)
        score = score / np.sqrt(temperature) + log_x / temperature
        cumulative = np.exp(score - score.max()).cumsum()
        return int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))

    def _close(self, k):
        last = len(self.sizes) - 1
        self.z[self.z == last] = k
        for array in (self.sizes, self.heads, self.present):
            array[k] = array[last]
        self.sizes, self.heads, self.present = (
            array[:last] for array in (self.sizes, self.heads, self.present)
        )

    def split_merge(self, proposals, launch=256, wide=4096):
        """Return the numbers of proposed and accepted splits, merges and repartitions."""
        move = SplitMergeReference(self, launch, wide)
        for _ in range(proposals):
            move.propose()
        self._count()
        return move.report

    def update_pixel_priors(self, hyperprior):
        """Update alpha and beta by slice sampling in the logarithm (Neal 2003)."""
        tails = self.present - self.heads
        never = (self.heads.sum(axis=0) == 0) & self.complete
        for d in [*np.flatnonzero(~never), *np.flatnonzero(never)]:
            for mine, other, counts in (
                (self.alpha, self.beta, self.heads[:, d]),
                (self.beta, self.alpha, tails[:, d]),
            ):
                mine[d] = self._slice_of_feature(d, mine[d], other[d], counts, hyperprior)

    def _slice_of_feature(self, d, a, b, counts, hyperprior):
        def target(u):
            a = np.exp(u)
            value = (gammaln(a + counts) - gammaln(a)).sum()
            value -= (gammaln(a + b + self.present[:, d]) - gammaln(a + b)).sum()
            return value + u + log_hyperprior(a, b, hyperprior)

        return self._slice(target, a, 3 / np.sqrt(1 + (counts > 0).sum()))

    def update_concentration(self, shape, rate):
        """Update the concentration by slice sampling in the logarithm (Escobar and West 1995)."""

        def target(u):
            a = np.exp(u)
            value = len(self.sizes) * u + gammaln(a) - gammaln(a + len(self.x))
            return value + shape * u - rate * a

        self.concentration = self._slice(target, self.concentration, 1.0)

    def _slice(self, target, a, width):
        u = np.log(a)
        height = target(u) + np.log(1 - self.uniform())
        left = u - width * self.uniform()
        right = left + width
        while target(left) > height:
            left -= width
        while target(right) > height:
            right += width
        while True:
            new = left + (right - left) * self.uniform()
            if target(new) >= height:
                return np.exp(new)
            if new < u:
                left = new
            else:
                right = new


def with_zeros(array):
    """Return the array with one more row, of zeros."""
    return np.vstack([array, np.zeros_like(array[:1])])


def log_likelihood(x, seen, alpha, beta, heads, present):
    """Return the log probability of the observed features of a row, by cluster."""
    p_on = (alpha + heads) / (alpha + beta + present)
    return (seen * np.where(x, np.log(p_on), np.log1p(-p_on))).sum(axis=-1)


class SplitMergeReference:
    """Splits, merges and repartitions, as the docstring of the kernel's SplitMerge defines them.

    See Jain and Neal (2004) and Dahl (2005). A cluster is the list of its rows, from which all
    statistics are recomputed. A row that joins a cluster comes first in its list.
    """

    def __init__(self, state, launch, wide):
        is_wide = state.x.shape[1] >= wide
        self.launch = len(state.x) if is_wide else launch
        self.lazy = is_wide and state.complete
        self.x, self.z, self.seen = state.x, state.z, state.seen
        self.alpha, self.beta, self.shift = state.alpha, state.beta, state.shift
        self.log_new, self.complete = state.log_new, state.complete
        self.log_prior = betaln(self.alpha, self.beta).sum()
        self.uniform = state.uniform
        self.clusters = [list(np.flatnonzero(self.z == k)) for k in range(len(state.sizes))]
        self.temperature = max(1.0, np.sqrt(self.x.shape[1]) / 3)
        self.report = {kind: [0, 0] for kind in ("splits", "merges", "repartitions")}

    def propose(self):
        u, threshold = self.uniform(), self._log_uniform()
        i = self._below(len(self.x))
        a = self.z[i]
        if u < 0.4:
            kind, possible, proposal = "splits", len(self.clusters[a]) > 1, self._split
        elif u < 0.8:
            kind, possible, proposal = "merges", len(self.clusters) > 1, self._merge
        else:
            kind, possible, proposal = "repartitions", len(self.clusters) > 1, self._repartition
        self.report[kind][0] += 1
        clusters = proposal(i, a, threshold) if possible else None
        if clusters is not None:
            self.report[kind][1] += 1
            self.clusters = clusters
            for k, cluster in enumerate(clusters):
                self.z[cluster] = k

    def _split(self, i, a, threshold):
        old = self.clusters[a]
        j = [x for x in old if x != i][self._below(len(old) - 1)]
        others = [x for x in old if x not in (i, j)]
        parts, log_q, threshold = self._divide(i, j, others, threshold)
        if threshold == np.inf:
            return None
        new_a, new_b = divided(i, j, others, parts)
        clusters = [*self.clusters, new_b]
        clusters[a] = new_a
        log_ratio = self.log_new(len(self.clusters))
        log_ratio += self._log_m(new_a) + self._log_m(new_b) - self._log_m(old)
        log_ratio += self._log_s(i, a, clusters)[-1] + np.log(len(old) - 1)
        log_ratio -= np.log(len(new_b)) + log_q
        return clusters if log_ratio > threshold else None

    def _merge(self, i, a, threshold):
        b, j, log_s, others = self._pair(i, a)
        old_a, old_b = self.clusters[a], self.clusters[b]
        union = old_b[::-1] + old_a
        log_ratio = self._log_m(union) - self._log_m(old_a) - self._log_m(old_b)
        log_ratio += np.log(len(old_b)) - self.log_new(len(self.clusters) - 1)
        log_ratio -= log_s + np.log(len(union) - 1)
        if len(others) > self.launch and log_ratio <= threshold:
            return None
        _, log_q, threshold = self._divide(i, j, others, threshold, set(old_b), log_ratio)
        clusters = self.clusters.copy()
        clusters[a] = union
        last = clusters.pop()
        if b < len(clusters):
            clusters[b] = last[::-1]
        return clusters if log_ratio + log_q > threshold else None

    def _repartition(self, i, a, threshold):
        b, j, log_s, others = self._pair(i, a)
        if len(others) > self.launch:
            return None
        old_a, old_b = self.clusters[a], self.clusters[b]
        launch = self._launch(i, j, others)
        parts, log_q_there = self._scan(i, j, others, launch)
        _, log_q_back = self._scan(i, j, others, launch, set(old_b))
        new_a, new_b = divided(i, j, others, parts)
        clusters = self.clusters.copy()
        clusters[a], clusters[b] = new_a, new_b
        log_ratio = self._log_m(new_a) + self._log_m(new_b)
        log_ratio -= self._log_m(old_a) + self._log_m(old_b)
        log_ratio += self._log_s(i, a, clusters)[b] + np.log(len(old_b)) + log_q_back
        log_ratio -= log_s + np.log(len(new_b)) + log_q_there
        return clusters if log_ratio > threshold else None

    def _pair(self, i, a):
        """Draw another cluster b and a row j of it; return them, log s(b) and the other rows."""
        log_s = self._log_s(i, a, self.clusters)
        cumulative = np.exp(log_s).cumsum()
        b = int(np.searchsorted(cumulative, self.uniform() * cumulative[-1], side="right"))
        j = self.clusters[b][self._below(len(self.clusters[b]))]
        return b, j, log_s[b], [x for x in self.clusters[a] + self.clusters[b] if x not in (i, j)]

    def _divide(self, i, j, rows, threshold, end=None, best=np.inf):
        """Bring the rows into order; return their parts, log q and the threshold of the ratio.

        The parts are drawn for a split. They are those in `end` for a merge, whose log ratio would
        be `best` if q were 1. The threshold is infinite if a split fails the first of two tests.
        """
        if len(rows) <= self.launch:
            return *self._scan(i, j, rows, self._launch(i, j, rows), end), threshold
        parts, log_q, log_r = [], 0.0, []
        for last in (self.launch // 2, self.launch):
            log_q += self._allocate(i, j, rows, parts, last, end, -np.inf)
            zero, one = divided(i, j, rows[:last], parts)
            log_r.append(self._log_m(zero) + self._log_m(one) - self._log_m(zero + one) - log_q)
        log_g = min(0.0, log_r[1] - log_r[0])
        if end is not None:
            threshold -= log_g
        else:
            threshold = log_g + self._log_uniform() if log_g > threshold else np.inf
        if best + log_q > threshold:
            least = threshold - best - log_q
            log_q += self._allocate(i, j, rows, parts, len(rows), end, least)
        return parts, log_q, threshold

    def _launch(self, i, j, others):
        """Bring the rows into random order; return the part of each: 0 with i, 1 with j."""
        parts = []
        for t in range(len(others)):
            self._place(others, t)
            known = [] if self.lazy else parts
            log_odds = self._log_odds(others[t], *divided(i, j, others[: len(known)], known))
            parts.append(self.uniform() < expit(log_odds))
        for _ in range(3):
            parts, _ = self._scan(i, j, others, parts)
        return parts

    def _allocate(self, i, j, order, parts, last, end, least):
        """Let rows join in random order, up to place `last`; return the log probability."""
        first, written, log_q = len(parts), 0, 0.0
        for t in range(first, last):
            if 8 * (t + 2) >= 9 * written:
                zero, one = divided(i, j, order[:t], parts)
                written = t + 2
            if (t - first) % 16 == 0:
                for r in range(t, min(t + 16, last)):
                    self._place(order, r)
            log_odds = self._log_odds(order[t], zero, one)
            parts.append(self.uniform() < expit(log_odds) if end is None else order[t] in end)
            log_q += log_expit(log_odds if parts[-1] else -log_odds)
            if end is not None and log_q <= least:
                break
        return log_q

    def _place(self, order, t):
        r = t + self._below(len(order) - t)
        order[t], order[r] = order[r], order[t]

    def _scan(self, i, j, order, parts, end=None):
        """Make a restricted Gibbs scan, or follow one to a given end; return its log q."""
        parts, log_q = list(parts), 0.0
        for t, x in enumerate(order):
            if not self.lazy or t % (2 + len(order) // 8) == 0:
                written = divided(i, j, order, parts)
            log_odds = self._log_odds(x, *([row for row in part if row != x] for part in written))
            parts[t] = self.uniform() < expit(log_odds) if end is None else x in end
            log_q += log_expit(log_odds if parts[t] else -log_odds)
        return parts, log_q

    def _log_uniform(self):
        return np.log(1 - self.uniform())

    def _below(self, n):
        return int(self.uniform() * n)

    def _log_odds(self, x, zero, one):
        return self._score(x, one) - self._score(x, zero)

    def _score(self, x, cluster):
        """Return log n + log p(x | cluster) for a cluster without x."""
        state = self.alpha, self.beta, *self._statistics(cluster)
        log_x = log_likelihood(self.x[x], self.seen[x], *state)
        return np.log(len(cluster) + self.shift) + log_x

    def _statistics(self, cluster):
        """Return by feature how many rows have it on, and how many have it observed."""
        heads = self.x[cluster].sum(axis=0)
        return heads, len(cluster) if self.complete else self.seen[cluster].sum(axis=0)

    def _log_s(self, i, a, clusters):
        """Return log s of each cluster, -inf for a."""
        scores = [-np.inf if k == a else self._score(i, c) for k, c in enumerate(clusters)]
        return log_softmax(np.array(scores) / self.temperature)

    def _log_m(self, cluster):
        n, (heads, present) = len(cluster), self._statistics(cluster)
        log_x = betaln(self.alpha + heads, self.beta + present - heads).sum() - self.log_prior
        return gammaln(n + self.shift) - gammaln(1 + self.shift) + log_x


def divided(i, j, order, parts):
    """Return the two clusters, the row that joined last first."""
    pairs = list(zip(order, parts, strict=True))[::-1]
    return [x for x, part in pairs if not part] + [i], [x for x, part in pairs if part] + [j]


def log_hyperprior(a, b, hyperprior):
    inside = (hyperprior.low < a) & (a < hyperprior.high)
    inside &= (hyperprior.low < b) & (b < hyperprior.high)
    value = -hyperprior.rate * (a + b) - hyperprior.power * np.log(a + b)
    return np.where(inside, value, -np.inf)
