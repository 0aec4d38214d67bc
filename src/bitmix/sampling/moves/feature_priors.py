"""Feature priors: one slice-sampling update of every alpha_d and beta_d."""

from bitmix import kernel
from bitmix.model import HYPERPRIORS


def feature_priors(mixture, settings, bit_generator):
    """Update alpha_d and beta_d of each feature given the assignments (Neal 2003)."""
    prior = HYPERPRIORS[settings.hyperprior]
    kernel.update_priors(mixture, bit_generator, prior.rate, prior.power, prior.low, prior.high)
    return {}
