"""Dirichlet-process mixtures of binary data, by collapsed Gibbs sampling."""

from importlib.metadata import version as _version

from bitmix.data import Dataset, load_mnist, shuffle
from bitmix.latents import Latent, load_latents, save_latents
from bitmix.predict import complete, posterior_predictive
from bitmix.sampler import sample, sample_chain

__version__ = _version("bitmix")

__all__ = [
    "Dataset",
    "Latent",
    "complete",
    "load_latents",
    "load_mnist",
    "posterior_predictive",
    "sample",
    "sample_chain",
    "save_latents",
    "shuffle",
]
