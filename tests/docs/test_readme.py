"""The README's numbers are those of the expected values."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_results_table():
    """All columns but the seconds are those that `snakemake table` prints."""
    chains = json.loads((ROOT / "tests/expected/tutorial.json").read_text())["chains"]
    expected = [
        f"| {c['chain']} | {c['clusters']} | {c['sizes'][0]:,} | {c['log_joint']:,.2f} |"
        for c in chains
    ]
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"^(\| \d \| \d+ \| [\d,]+ \| -[\d,.]+ \|)", readme, re.M) == expected
    assert "  ".join(str(c["clusters"]) for c in chains) in readme
    assert "  ".join(f"{c['log_joint']:,.1f}" for c in chains) in readme
    assert f"The {chains[0]['clusters']} clusters of chain 0" in readme
