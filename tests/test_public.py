"""The public names of `bitmix`, and the cost of importing it."""

import inspect
import pydoc
import subprocess
import sys
from dataclasses import fields

import pytest

import bitmix
from bitmix.sampling import Settings


def test_public_names():
    assert bitmix.__all__ == [
        "BernoulliDPMixture",
        "Dataset",
        "Latent",
        "PackedRows",
        "classify",
        "coclustering",
        "complete",
        "consensus",
        "credible_interval",
        "diagnose",
        "find_classes",
        "label_probabilities",
        "load_latents",
        "load_mnist",
        "log_predictive",
        "merge_samples",
        "nearest_cluster",
        "outlier_score",
        "posterior_predictive",
        "responsibilities",
        "sample",
        "sample_chain",
        "sample_until_mixed",
        "save_latents",
        "shuffle",
    ]
    for name in bitmix.__all__:
        assert getattr(bitmix, name).__doc__


def test_names_that_are_imported_later_are_offered_by_completion():
    assert set(bitmix.__all__) <= set(dir(bitmix))


@pytest.mark.parametrize("function", [bitmix.sample, bitmix.sample_chain])
def test_every_setting_is_a_keyword_with_the_default_of_settings(function):
    parameters = inspect.signature(function).parameters
    for field in fields(Settings):
        assert parameters[field.name].default == field.default, field.name
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def test_help_shows_every_setting():
    text = pydoc.plain(pydoc.render_doc(bitmix.sample))
    for field in fields(Settings):
        assert f"\n    {field.name} : " in text.replace("\n        ", "\n    ")


def test_importing_is_light():
    heavy = [
        "arviz_stats",
        "matplotlib",
        "pandas",
        "PIL",
        "pooch",
        "scipy",
        "sklearn",
        "snakemake",
        "xarray",
    ]
    code = f"import sys, bitmix; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert found.strip() == "[]"
