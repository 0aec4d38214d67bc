"""The model: a Dirichlet-process mixture of Beta-Bernoulli pixels.

For images i and pixels d, with clusters k drawn from a Chinese restaurant process,

    z ~ CRP(concentration)
    theta_kd ~ Beta(alpha_d, beta_d)
    x_id ~ Bernoulli(theta_{z_i d})

and a hyperprior on each pixel's (alpha_d, beta_d).
"""

from __future__ import annotations

from dataclasses import dataclass


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
        """Whether it would be a probability density without its bounds."""
        return self.rate > 0


#: Hyperpriors of the pixels by name. "exponential" is proper: alpha and beta independent with rate
#: 1.2; its lower bound, which cuts off 1e-8 of the probability, keeps them within single precision
#: where a slice is wide. "bda" is p ∝ (alpha + beta)^(-5/2) of Gelman et al., Bayesian Data
#: Analysis, ch. 5, which the 2015 study used; it is improper, and so is the posterior of any pixel
#: that is constant in the data, hence the bounds.
HYPERPRIORS = {
    "exponential": Hyperprior(rate=1.2, power=0.0, low=1e-8),
    "bda": Hyperprior(rate=0.0, power=2.5, low=1e-4, high=1e4),
}
