"""Pixel priors: one slice-sampling update of every alpha_d and beta_d."""


def pixel_priors(mixture, hyperprior, bit_generator):
    """Update alpha_d and beta_d of each pixel given the assignments (Neal 2003)."""
    mixture.update_pixel_priors(
        bit_generator, hyperprior.rate, hyperprior.power, hyperprior.low, hyperprior.high
    )
    return {}
