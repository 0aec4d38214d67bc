"""Assignments: one collapsed Gibbs sweep."""

from bitmix import kernel


def assign(mixture, settings, bit_generator, temperature=1.0):
    """Reassign every row once (Neal 2000, algorithm 3); report how many changed cluster.

    While the chain is annealed, it gives a temperature above 1: see `bitmix.sampling.annealing`.
    """
    return {"moved": kernel.sweep(mixture, bit_generator, temperature=temperature)}
