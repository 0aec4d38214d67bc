"""Checkpoints: the files from which interrupted chains continue.

A checkpoint holds the latent of a chain after some sweep. If data, seed, settings and code are the
same, a chain that continues from it has the same bits as one that was never interrupted. The file
holds all of these, so that a chain compares them before it continues.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bitmix.chains import Latent, LatentError, load_latents, save_latents
from bitmix.io import atomic_write, remove_temporaries

logger = logging.getLogger("bitmix")

_NOBODY = b"nobody"


class CheckpointTaken(RuntimeError):
    """Another process has begun to sample the same chain into the same file."""


class Checkpoint:
    """The checkpoint of one chain.

    It belongs to the process that opened it last. A file beside it names that process. An older
    process may still run, for example a job that outlived its killed Snakemake. The older one stops
    at its next sweep, so two processes never write to one file.

    Parameters
    ----------
    path : path-like
    every : float
        Seconds from one checkpoint to the next.
    """

    def __init__(self, path: str | os.PathLike[str], every: float) -> None:
        self.path = Path(path)
        self.every = every
        self.name = secrets.token_bytes(8)
        self.owner = self.path.with_name(f".{self.path.name}.owner")

    def read(self, wanted: Mapping[str, Any]) -> Latent | None:
        """Return the state to continue from, or None. The log says why a state cannot be used.

        Parameters
        ----------
        wanted : mapping
            The identity of the chain: the items `data_sha256`, `seed`, `chain`, `config` and
            `code_sha256` that its Latent will have.
        """
        try:
            found = load_latents(self.path)
        except FileNotFoundError:
            return None
        except LatentError as error:
            logger.warning("starting over: %s", str(error).partition(";")[0])
            return None
        if not isinstance(found, Latent):
            logger.warning("starting over: %s holds several chains", self.path)
            return None
        if reason := _difference(found, wanted):
            logger.warning("starting over: %s %s", self.path, reason)
            return None
        sweeps = wanted["config"]["sweeps"]
        logger.info("%s: continuing after sweep %d of %d", self.path, found.sweeps, sweeps)
        return found

    def open(self, latent: Latent) -> None:
        """Take the checkpoint for this process, and write `latent`, the state to start from.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        remove_temporaries(self.path)
        self._own(self.name)
        self._write(latent)

    def due(self) -> bool:
        """Return whether it is time for the next checkpoint.

        Raises
        ------
        CheckpointTaken
            If the checkpoint belongs to another process by now.
        """
        self._check_owner()
        return time.monotonic() - self.written >= self.every

    def save(self, latent: Latent) -> None:
        """Write the state. If that fails, as on a full disk, log it and continue.

        The chain goes on in memory and the previous checkpoint stays. The next save may succeed.

        Raises
        ------
        CheckpointTaken
            If the checkpoint belongs to another process by now.
        """
        self._check_owner()
        try:
            self._write(latent)
        except OSError as error:
            self.written = time.monotonic()
            logger.error(
                "no checkpoint after sweep %d, the last one stays: %s", latent.sweeps, error
            )

    def close(self) -> None:
        """Give the checkpoint up after the last state. A process that still has it stops.

        The file beside it is then the same for every run.

        Raises
        ------
        CheckpointTaken
            If the checkpoint belongs to another process by now.
        """
        self._check_owner()
        with suppress(OSError):  # as on a full disk
            self._own(_NOBODY)

    def _own(self, name: bytes) -> None:
        with atomic_write(self.owner) as file:
            file.write(name)

    def _write(self, latent: Latent) -> None:
        save_latents(self.path, latent)
        self.written = time.monotonic()

    def _check_owner(self) -> None:
        try:
            owner = self.owner.read_bytes()
        except OSError:  # deleted or unreachable: no reason to stop
            return
        if owner != self.name:
            raise CheckpointTaken(
                f"{self.path}: another process has begun to sample this chain, so this one stops"
            )


def _difference(found: Latent, wanted: Mapping[str, Any]) -> str | None:
    """Return why the chain `found` cannot continue as the wanted one, or None if it can."""
    for name in ("data_sha256", "seed", "chain"):
        if getattr(found, name) != wanted[name]:
            return f"has {name} {getattr(found, name)}, not {wanted[name]}"
    settings = dict(wanted["config"])
    sweeps = settings.pop("sweeps")
    others = [
        f"{name} {found.config.get(name)!r}, not {value!r}"
        for name, value in settings.items()
        if found.config.get(name) != value
    ]
    if others:
        return f"has {'; '.join(others)}"
    if found.code_sha256 != wanted["code_sha256"]:
        return "was sampled by other code of bitmix"
    if found.sweeps > sweeps:
        return f"has {found.sweeps} sweeps, more than {sweeps}"
    return None
