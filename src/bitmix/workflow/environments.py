"""The environments that `snakemake --sdm conda` makes of environment.yml for the jobs.

environment.post-deploy.sh installs bitmix there when Snakemake makes an environment.
"""

from pathlib import Path

from bitmix import code


def renew_stale(package: Path, environments: Path) -> list[Path]:
    """Let Snakemake make the environments again whose bitmix is not that of the checkout.

    Parameters
    ----------
    package : Path
        The folder of the package in the checkout, src/bitmix.
    environments : Path
        The folder of the environments.

    Returns
    -------
    renewed : list of Path
        The folders of these environments.
    """
    renewed = []
    for installed in sorted(environments.glob("*/lib/python3*/site-packages/bitmix")):
        if code.stale(package, installed):
            environment = installed.parents[3]
            # Without this file, Snakemake takes an environment for unfinished.
            environment.with_suffix(".env_setup_done").unlink(missing_ok=True)
            renewed.append(environment)
    return renewed
