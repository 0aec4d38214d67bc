"""The state of a chain, and the pickles that keep it."""

from bitmix.chains.common import common
from bitmix.chains.latent import (
    SAMPLES,
    TRACE,
    Latent,
    LatentError,
    load_latents,
    save_latents,
    size_entropy,
    stack_samples,
)

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
