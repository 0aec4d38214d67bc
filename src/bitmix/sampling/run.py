"""The chains of one run: what they share, and how they run side by side."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.arguments import check_integer, check_positive
from bitmix.blocks import blocks
from bitmix.chains import Latent
from bitmix.code import chain_sha256
from bitmix.data import as_binary, data_sha256
from bitmix.model import HYPERPRIORS
from bitmix.sampling.chain import Chain
from bitmix.sampling.checkpoints import Checkpoint
from bitmix.sampling.progress import Steps, report_progress
from bitmix.sampling.settings import Settings


def sample_chains(
    run: Run,
    chains: Sequence[int],
    threads: int,
    progress: bool | None,
    starts: Sequence[Latent | None] | None = None,
) -> list[Latent]:
    """Return the latents of some chains of a run, sampled in threads.

    A chain continues from its checkpoint, or else from its latent in `starts`, if it has one. No
    chain runs in the main thread, where Ctrl-C may arrive in the middle of a sweep.
    """
    with (
        report_progress(progress, len(chains) * run.settings.sweeps, "sweep") as steps,
        ThreadPoolExecutor(min(threads, len(chains))) as pool,
    ):
        try:
            futures = [
                pool.submit(run.sample, chain, steps, start)
                for chain, start in zip(chains, starts or [None] * len(chains), strict=True)
            ]
            for future in as_completed(futures):
                future.result()  # raises the error of a chain
        except BaseException:  # also Ctrl-C: let the threads finish their sweep
            run.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


class Run:
    """What the chains of a run share: the packed rows, the seed and the settings.

    Parameters are those of `bitmix.sample`.
    """

    def __init__(
        self,
        x: Any,
        observed: np.ndarray | None,
        seed: int,
        settings: Settings,
        checkpoint_folder: str | os.PathLike[str] | None,
        checkpoint_every: float,
    ) -> None:
        self.seed = check_integer("seed", seed, least=0)
        self.checkpoint_folder = checkpoint_folder
        self.checkpoint_every = check_positive("checkpoint_every", checkpoint_every)
        self.settings = settings
        self.stopped = False
        self.x, self.observed = as_binary(x, observed)
        settings.check_rows(self.x.shape[0])
        _warn_of_constant_features(self.x, self.observed, settings)
        self.rows = kernel.Rows(self.x, self.observed)
        # The hash takes a while, so the chains begin meanwhile.
        aside = ThreadPoolExecutor(1)
        self.data_sha256 = aside.submit(data_sha256, self.x, self.observed)
        aside.shutdown(wait=False)

    def identity(self, chain: int) -> dict[str, Any]:
        """Return everything that determines a chain, as items of its Latent."""
        return {
            "data_sha256": self.data_sha256.result(),
            "seed": self.seed,
            "chain": chain,
            "config": asdict(self.settings),
            "code_sha256": chain_sha256(),
        }

    def sample(self, number: int, steps: Steps, start: Latent | None = None) -> Latent:
        """Sample a chain to its last sweep, or until the run is stopped."""
        checkpoint, found = self._checkpoint(number), start
        if checkpoint:
            found = checkpoint.read(self.identity(number)) or start
        chain = Chain(self, number, found)
        if checkpoint:
            checkpoint.open(chain.latent())
        steps.skip(chain.sweeps)
        while chain.sweeps < self.settings.sweeps and not self.stopped:
            steps.step(chain.sweep())
            if checkpoint and checkpoint.due():
                checkpoint.save(chain.latent())
        latent = chain.latent()
        if checkpoint:
            checkpoint.save(latent)
            checkpoint.close()
        return latent

    def _checkpoint(self, number: int) -> Checkpoint | None:
        if not self.checkpoint_folder:
            return None
        return Checkpoint(Path(self.checkpoint_folder, f"{number}.pkl"), self.checkpoint_every)


def _warn_of_constant_features(x: Any, observed: np.ndarray | None, settings: Settings) -> None:
    """Warn about features whose alpha and beta have no proper posterior."""
    prior = HYPERPRIORS[settings.hyperprior]
    if prior.proper or not {"feature_priors", "pixel_priors"} & set(settings.moves):
        return
    on = sum(block.sum(axis=0, dtype=np.int64) for _, block in blocks(x))
    seen = x.shape[0] if observed is None else observed.sum(axis=0)
    constant = np.count_nonzero((on == 0) | (on == seen))
    if constant:
        warnings.warn(
            f"{constant} of {x.shape[1]} features are never on or always on. Under the improper "
            f"hyperprior {settings.hyperprior!r} their alpha and beta drift to the bounds "
            f"{prior.low:g} and {prior.high:g}: use hyperprior='exponential', which is proper",
            stacklevel=5,  # the caller of `sample`
        )
