"""Concentration: one slice-sampling update."""


def concentration(mixture, settings, bit_generator):
    """Update the concentration given the number of clusters (Escobar and West 1995; Neal 2003)."""
    shape, rate = settings.concentration_prior
    mixture.update_concentration(bit_generator, shape, rate)
    return {}
