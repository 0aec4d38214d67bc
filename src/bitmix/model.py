"""The model: a mixture of Beta-Bernoulli features with an unknown number of clusters.

For rows i and features d, with assignments z to clusters k,

    z ~ a prior of partitions, by default the Chinese restaurant process
    theta_kd ~ Beta(alpha_d, beta_d)
    x_id ~ Bernoulli(theta_{z_i d})

and a hyperprior on each feature's (alpha_d, beta_d).
"""

from __future__ import annotations

from dataclasses import dataclass

#: Priors of partitions by name. "dp" is the Dirichlet process with the given concentration: rows
#: are seated by the Chinese restaurant process. Its number of clusters grows with the number of
#: rows. "mfm" is the mixture of finite mixtures (Miller and Harrison 2018). Its number of clusters
#: does not grow. Its concentration is that of the Dirichlet distribution of the weights.
PARTITION_PRIORS = ("dp", "mfm")


@dataclass(frozen=True)
class Hyperprior:
    """log p(alpha, beta) = -rate (alpha + beta) - power log(alpha + beta) + const.

    Both alpha and beta lie in the open interval (low, high).
    """

    rate: float
    power: float
    low: float = 0.0
    high: float = float("inf")

    @property
    def proper(self) -> bool:
        """Whether it is a probability density even without its bounds."""
        return self.rate > 0


#: Hyperpriors of alpha and beta by name. "exponential" is proper: alpha and beta are independent
#: with rate 1.2. Its lower bound cuts off 1e-8 of the probability and keeps both within single
#: precision. "bda" is p ∝ (alpha + beta)^(-5/2) of Gelman et al., Bayesian Data Analysis, ch. 5, as
#: in the 2015 study. It is improper, and so is the posterior of a feature that is constant in the
#: data. The bounds make both proper.
HYPERPRIORS = {
    "exponential": Hyperprior(rate=1.2, power=0.0, low=1e-8),
    "bda": Hyperprior(rate=0.0, power=2.5, low=1e-4, high=1e4),
}
