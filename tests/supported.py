"""The versions of Python that pyproject.toml names: CI tests them, the lock has their packages."""

import re
import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(_PROJECT["classifiers"]))
