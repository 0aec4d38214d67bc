"""The workflow of tests/workflow with longer chains, for faults in whole runs."""

import pytest
from workflow.conftest import pristine

__all__ = ["pristine"]

CHAINS = [f"results/small/chains/{chain}.pkl" for chain in (0, 1)]
CONFIG = """runs:
  small:
    data: {labels: [2, 3], limit: 300}
    seed: 1
    chains: 2
    sweeps: 4000
    thin: 500
    initial_clusters: 20
"""


@pytest.fixture(scope="module")
def study(pristine, tmp_path_factory):
    """Return the workflow with longer chains, twenty checkpoints a second, and nothing made."""
    workflow = pristine.copy(tmp_path_factory.mktemp("study") / "copy")
    (workflow.folder / "config/config.yaml").write_text(CONFIG)
    rule = workflow.folder / "rules/chains.smk"
    parameter = '        "chain={chain}",\n'
    rule.write_text(
        rule.read_text().replace(parameter, f'{parameter}        "checkpoint_every=0.05",\n')
    )
    return workflow


@pytest.fixture
def run(study, tmp_path):
    return study.copy(tmp_path / "copy")
