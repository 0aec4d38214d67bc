"""Reports of benchmarks: measures with their targets, as a table and as JSON."""

import json
import operator
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import bitmix
from bitmix import kernel
from bitmix.io import atomic_write

RELATIONS = {"<=": operator.le, ">=": operator.ge, ">": operator.gt}


@dataclass
class Measure:
    """One line of the table. The target is optional."""

    name: str
    value: float
    unit: str
    target: str = ""  # such as "<= 1.6"

    @property
    def verdict(self):
        if not self.target:
            return ""
        relation, limit = self.target.split()
        holds = RELATIONS[relation](self.value, float(limit.replace(",", "")))
        return "ok" if holds else "MISSED"

    def __str__(self):
        value = f"{self.value:.4g}" if abs(self.value) < 1e5 else f"{self.value:,.0f}"
        line = f"{self.name:48} {value:>10} {self.unit:4} {self.target:13} {self.verdict}"
        return line.rstrip()


def report(measures: Iterable[Measure], output: Path, **more) -> int:
    """Print each measure when it is known, then write all, the machine and `more` as JSON.

    Return 1 if a target is missed, else 0.
    """
    machine = _machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    found = []
    for measure in measures:
        print(measure, flush=True)
        found.append(asdict(measure) | {"verdict": measure.verdict})
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as file:
        content = {"machine": machine, "measures": found, **more}
        file.write(json.dumps(content, indent=2).encode())
    return int(any(measure["verdict"] == "MISSED" for measure in found))


def _machine():
    return {
        "instruction_set": kernel.simd_name(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "bitmix": bitmix.__version__,
    }


def _cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
