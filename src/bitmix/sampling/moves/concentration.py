"""Concentration: one slice-sampling update."""

from bitmix import kernel


def concentration(mixture, settings, bit_generator):
    """Update the concentration given the number of clusters (Escobar and West 1995; Neal 2003)."""
    shape, rate = settings.concentration_prior
    kernel.update_concentration(mixture, bit_generator, shape, rate)
    return {}
