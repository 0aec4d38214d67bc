"""Golden chains: every compiler and machine gives the expected bits.

The values are those of `snakemake check`. If you change them on purpose, run
``make expected RUN=<run>``.
"""

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import bitmix
from bitmix.sampling.settings import Settings

EXPECTED = Path(__file__).parents[1] / "expected"


@pytest.mark.parametrize("run", ["small", "tutorial"])
def test_chains(run):
    golden = json.loads((EXPECTED / f"{run}.json").read_text())
    settings = golden["configuration"]
    chosen = settings["data"]
    dataset = bitmix.load_mnist(chosen["labels"], threshold=chosen["threshold"])
    dataset = bitmix.shuffle(dataset, settings["seed"])
    x = dataset.x[: chosen.get("limit")]
    assert bitmix.data.data_sha256(x) == golden["data"]["sha256"]
    latents = bitmix.sample(
        x,
        chains=settings["chains"],
        seed=settings["seed"],
        **{field.name: settings[field.name] for field in fields(Settings)},
    )
    assert len(latents) == len(golden["chains"])
    for latent, expected in zip(latents, golden["chains"], strict=True):
        assignments = np.ascontiguousarray(latent.assignments, "<i4")
        assert hashlib.sha256(assignments).hexdigest() == expected["assignments_sha256"]
        assert latent.log_joint().hex() == expected["log_joint_hex"]
        assert sorted(latent.sizes, reverse=True) == expected["sizes"]
