"""Assignments: one collapsed Gibbs sweep."""

from bitmix import kernel


def assign(mixture, settings, bit_generator):
    """Reassign every row once (Neal 2000, algorithm 3); report how many changed cluster."""
    return {"moved": kernel.sweep(mixture, bit_generator)}
