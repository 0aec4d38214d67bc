"""Assignments: one collapsed Gibbs sweep."""

from bitmix import kernel


def assign(mixture, settings, bit_generator):
    """Reassign every image once (Neal 2000, algorithm 3); reports how many changed cluster."""
    return {"moved": kernel.sweep(mixture, bit_generator)}
