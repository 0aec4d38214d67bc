"""`snakemake --sdm conda`: the jobs run in an environment that has the bitmix of the checkout.

No channel of conda is needed: a stand-in for conda makes an environment with the packages of this
one, and leaves the rest to Snakemake.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

import bitmix
from bitmix import code
from bitmix.workflow import environments

ROOT = Path(__file__).parents[2]
INSTALLED = Path(bitmix.__file__).parent

CONDA = rf"""#!/bin/sh
case "$1" in
--version) echo conda 25.1.0 ;;
info) echo '{{"conda_prefix": "'"${{0%/bin/conda}}"'", "platform": "linux-64"}}' ;;
config) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
env)
    while [ "$1" != --prefix ]; do shift; done
    {sys.executable} -m venv --without-pip "$2"
    packages=$(echo "$2"/lib/python3*/site-packages)
    echo {sysconfig.get_path("purelib")} > "$packages/packages.pth"
    # writes down each command that Python runs there
    echo 'import sys; print(*sys.orig_argv, file=open(f"{{sys.prefix}}/used", "a"))' \
        > "$packages/sitecustomize.py"
    ;;
esac
"""
ACTIVATE = 'export PATH="$1/bin:$PATH"\n'


@pytest.fixture
def environment(tmp_path):
    """Return an environment with a copy of the installed bitmix, as Snakemake leaves it."""
    folder = tmp_path / "conda" / "0123_"
    copy = folder / "lib/python3.11/site-packages/bitmix"
    shutil.copytree(INSTALLED, copy)
    folder.with_suffix(".env_setup_done").touch()
    return folder


def test_an_environment_is_used_again(environment):
    assert environments.renew_stale(ROOT / "src/bitmix", environment.parent) == []
    assert environment.with_suffix(".env_setup_done").exists()


@pytest.mark.parametrize("name", ["model.py", "compiled.json"])
def test_an_environment_with_another_bitmix_is_made_again(environment, name):
    (file,) = environment.rglob(f"bitmix/{name}")
    if file.suffix == ".py":
        file.write_text("")
    else:
        file.unlink()
    assert environments.renew_stale(ROOT / "src/bitmix", environment.parent) == [environment]
    assert not environment.with_suffix(".env_setup_done").exists()


@pytest.mark.slow
def test_jobs_run_in_an_environment_with_bitmix(workflow, tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "conda").write_text(CONDA)
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(ACTIVATE)
    monkeypatch.setattr(os, "defpath", f"{programs}:{os.defpath}")
    for name in ("environment.post-deploy.sh", "pyproject.toml", "meson.build", "meson.options"):
        shutil.copy2(ROOT / name, workflow.folder)
    for name in ("README.md", "LICENSE"):
        (workflow.folder / name).touch()

    result = workflow.snakemake("results/small/data.npz", "--sdm", "conda")
    assert result.returncode == 0, result.stdout
    assert "Creating conda environment environment.yml..." in result.stdout
    (installed,) = workflow.folder.glob(".snakemake/conda/*/lib/python3*/site-packages/bitmix")
    assert code.stale(workflow.folder / "src/bitmix", installed) == []
    used = (installed.parents[3] / "used").read_text()
    assert "-m bitmix.workflow.jobs data " in used
