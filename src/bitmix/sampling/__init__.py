"""Sampling chains: settings, starts, moves, checkpoints."""

from bitmix.sampling.sampler import sample, sample_chain
from bitmix.sampling.settings import Settings

__all__ = ["Settings", "sample", "sample_chain"]
