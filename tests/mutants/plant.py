"""Plant faults in a copy of the sources.

One build has all of them. Each is a choice at run time: an expression e with the mutant m becomes
`m if mutant == 17 else e`, a statement becomes an `if`. The environment variable BITMIX_MUTANT says
which fault a process has.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

CIMPORT = "from bitmix.kernel.mutant cimport mutant\n"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Fault:
    """A fault: in a file below src/bitmix, the original becomes the mutant.

    The original occurs once in the file. If a part of it is marked, «so», only that part changes,
    and the rest says where it is. An original that fills whole lines is a statement, any other an
    expression.
    """

    number: int
    file: str
    original: str
    mutant: str
    effect: str


def place(text: str, original: str) -> tuple[int, int]:
    """Return where the part of a text is that a fault changes."""
    bare = original.replace("«", "").replace("»", "")
    if text.count(bare) != 1:
        raise ValueError(f"occurs {text.count(bare)} times, not once: {bare!r}")
    before, changed, _ = re.split("[«»]", original) if "«" in original else ("", original, "")
    start = text.index(bare) + len(before)
    return start, start + len(changed)


def planted(text: str, suffix: str, faults: list[Fault]) -> str:
    """Return the text of a file with all of its faults. Those of one place are alternatives."""
    by_place = defaultdict(list)
    for fault in faults:
        by_place[place(text, fault.original)].append(fault)
    past = len(text)
    for (start, stop), alternatives in sorted(by_place.items(), reverse=True):
        if stop > past:
            raise ValueError(f"overlaps with the next fault: {text[start:stop]!r}")
        past = start
        indent = text[text.rfind("\n", 0, start) + 1 : start]
        statement = not indent.strip() and text[stop : stop + 1] == "\n"
        choice = WRITERS[suffix][statement]
        text = text[:start] + choice(text[start:stop], alternatives, indent) + text[stop:]
    return CIMPORT + text if faults and suffix in (".pyx", ".pxd") else text


# ---------------------------------------------------------------- choices


def c_expression(original, faults, indent):
    for fault in faults:
        original = f"(mutant == {fault.number} ? ({fault.mutant}) : ({original}))"
    return original


def c_statement(original, faults, indent):
    for fault in faults:
        original = f"if (mutant == {fault.number}) {{ {fault.mutant} }} else {{ {original} }}"
    return original


def cython_chooses(fault):
    return f"mutant == {fault.number}"


def python_chooses(fault):
    return f"__import__('os').environ.get('BITMIX_MUTANT') == '{fault.number}'"


def expression(chooses):
    def write(original, faults, indent):
        for fault in faults:
            original = f"(({fault.mutant}) if {chooses(fault)} else ({original}))"
        return original

    return write


def statement(chooses):
    def write(original, faults, indent):
        lines = []
        for fault in faults:
            lines += [f"{'elif' if lines else 'if'} {chooses(fault)}:", f"    {fault.mutant}"]
        lines += ["else:", "    " + original.replace("\n", "\n    ")]
        return f"\n{indent}".join(lines)

    return write


CYTHON = expression(cython_chooses), statement(cython_chooses)
PYTHON = expression(python_chooses), statement(python_chooses)
C = c_expression, c_statement
WRITERS = {".pyx": CYTHON, ".pxd": CYTHON, ".py": PYTHON, ".c": C, ".h": C}


# ---------------------------------------------------------------- the build


def write(path: Path, text: str):
    """Write a file unless it has this text already, so that its build stays."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build(folder: Path, faults: list[Fault]) -> Path:
    """Build bitmix with all faults; return the folder to import it from."""
    source, site = folder / "source", folder / "site"
    by_file = defaultdict(list)
    for fault in faults:
        by_file[f"src/bitmix/{fault.file}"].append(fault)
    for path in (ROOT / "src", ROOT / "meson.build", ROOT / "meson.options"):
        for file in [path] if path.is_file() else path.rglob("*.*"):
            name, suffix = str(file.relative_to(ROOT)), file.suffix
            if suffix in WRITERS or path.is_file():
                write(source / name, planted(file.read_text(), suffix, by_file[name]))
    write(source / "src/bitmix/kernel/mutant.pxd", "cdef extern from *:\n    int mutant\n")
    environment = os.environ | {
        "CFLAGS": f"-include {HERE / 'mutant.h'}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    made = folder / "build"
    setup = ["meson", "setup", made, source, f"-Dpython.platlibdir={site}"]
    for command in ([] if made.exists() else [setup]) + [["meson", "install", "-C", made]]:
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return site
