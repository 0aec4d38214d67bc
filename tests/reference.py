"""The sampler once more, in plain NumPy and double precision, with the kernel's random numbers.

It is written to be checked by eye against the papers, and shares no code with the package.
"""

import numpy as np
from scipy.special import betaln, gammaln


def chain_generator(seed, chain):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed).spawn(chain + 1)[-1]))


def permutation(uniform, n):
    """Fisher and Yates, from the end."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def log_partition(sizes, concentration):
    """log p(z) of the Chinese restaurant process."""
    sizes = np.asarray(sizes)
    return (
        len(sizes) * np.log(concentration)
        + gammaln(sizes).sum()
        + gammaln(concentration)
        - gammaln(concentration + sizes.sum())
    )


def log_marginal(x, z, alpha, beta, observed=None):
    """log p(x | z, alpha, beta), theta integrated out, shape (D,)."""
    observed = np.ones(x.shape, int) if observed is None else observed.astype(int)
    total = np.zeros(x.shape[1])
    for k in np.unique(z):
        heads = (x * observed)[z == k].sum(axis=0, dtype=int)
        tails = observed[z == k].sum(axis=0) - heads
        total += betaln(alpha + heads, beta + tails) - betaln(alpha, beta)
    return total


def log_joint(x, z, alpha, beta, concentration, observed=None):
    sizes = np.bincount(z)
    log_z = log_partition(sizes[sizes > 0], concentration)
    return log_z + log_marginal(x, z, alpha, beta, observed).sum()


class Reference:
    def __init__(self, x, z, alpha, beta, concentration, uniform):
        self.x = np.asarray(x)
        self.z = np.array(z)
        self.alpha, self.beta = np.array(alpha, float), np.array(beta, float)
        self.concentration = concentration
        self.uniform = uniform
        self.sizes = np.bincount(self.z)
        self.heads = np.array([self.x[self.z == k].sum(0, dtype=int) for k in range(max(z) + 1)])

    def sweep(self):
        """Neal (2000), algorithm 3. Returns how many images moved."""
        moved = 0
        for i in permutation(self.uniform, len(self.x)):
            own = self.z[i]
            alone = self.sizes[own] == 1
            self._change(i, own, -1)
            new = self._draw(i, self.uniform())
            if new == len(self.sizes) and not alone:
                self.sizes = np.append(self.sizes, 0)
                self.heads = np.vstack([self.heads, np.zeros_like(self.heads[:1])])
            elif new == len(self.sizes):
                new = own  # a new cluster is what it has
            self._change(i, new, 1)
            self.z[i] = new
            moved += new != own
            if self.sizes[own] == 0:
                self._close(own)
        return moved

    def _change(self, i, k, delta):
        self.sizes[k] += delta
        self.heads[k] += delta * self.x[i].astype(int)

    def _draw(self, i, u):
        heads = np.vstack([self.heads, np.zeros_like(self.heads[:1])])
        sizes = np.append(self.sizes, 0)
        p_on = (self.alpha + heads) / (self.alpha + self.beta + sizes[:, None])
        with np.errstate(divide="ignore"):
            score = np.log(np.append(self.sizes, self.concentration))
        score += np.where(self.x[i], np.log(p_on), np.log1p(-p_on)).sum(axis=1)
        cumulative = np.exp(score - score.max()).cumsum()
        return int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))

    def _close(self, k):
        last = len(self.sizes) - 1
        self.z[self.z == last] = k
        self.sizes[k], self.heads[k] = self.sizes[last], self.heads[last]
        self.sizes, self.heads = self.sizes[:last], self.heads[:last]

    def update_pixel_priors(self, hyperprior):
        """Neal (2003): stepping out and shrinkage, in the logarithm."""
        tails = self.sizes[:, None] - self.heads
        never = self.heads.sum(axis=0) == 0
        for d in [*np.flatnonzero(~never), *np.flatnonzero(never)]:
            for mine, other, counts in (
                (self.alpha, self.beta, self.heads[:, d]),
                (self.beta, self.alpha, tails[:, d]),
            ):
                mine[d] = self._slice(mine[d], other[d], counts, hyperprior)

    def _slice(self, a, b, counts, hyperprior):
        def target(u):
            a = np.exp(u)
            value = (gammaln(a + counts) - gammaln(a)).sum()
            value -= (gammaln(a + b + self.sizes) - gammaln(a + b)).sum()
            return value + u + log_hyperprior(a, b, hyperprior)

        u = np.log(a)
        width = 3 / np.sqrt(1 + (counts > 0).sum())
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


def log_hyperprior(a, b, hyperprior):
    inside = (hyperprior.low < a) & (a < hyperprior.high)
    inside &= (hyperprior.low < b) & (b < hyperprior.high)
    value = -hyperprior.rate * (a + b) - hyperprior.power * np.log(a + b)
    return np.where(inside, value, -np.inf)
