"""The state of a chain, and the pickles that keep it."""

from bitmix.chains.checks import SAMPLES, TRACE
from bitmix.chains.common import common
from bitmix.chains.latent import Latent, size_entropy, stack_samples
from bitmix.chains.storage import LatentError, load_latents, save_latents

__all__ = [
    "SAMPLES",
    "TRACE",
    "Latent",
    "LatentError",
    "common",
    "load_latents",
    "save_latents",
    "size_entropy",
    "stack_samples",
]
