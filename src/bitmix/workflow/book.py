"""The sources of the book: the pages of docs, the executed notebooks and the API reference.

    python -m bitmix.workflow.book FOLDER NOTEBOOK ...

puts them together in FOLDER, where Sphinx finds them.
"""

import importlib
import inspect
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitmix.io import read_json, write_json

#: The packages whose public functions and classes the reference lists.
PACKAGES = (
    "bitmix",
    *(f"bitmix.{name}" for name in ("data", "chains", "predict", "partitions", "diagnostics")),
    *(f"bitmix.{name}" for name in ("classes", "density", "evaluation", "explorer", "figures")),
    *(f"bitmix.{name}" for name in ("sampling", "study")),
)


def assemble(folder: str | Path, notebooks: Sequence[str | Path], root: str | Path) -> None:
    """Put the sources of the book together in a folder. What is there already goes.

    Parameters
    ----------
    folder : path-like
        The folder for Sphinx.
    notebooks : sequence of path-like
        Executed notebooks. Their names are the order of the chapters.
    root : path-like
        The folder of the repository.
    """
    folder, root = Path(folder), Path(root)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "docs", folder)
    shutil.copy(root / "CONTRIBUTING.md", folder)
    for page in folder.glob("*.md"):
        page.write_text(_relinked(page.read_text()))
    (folder / "chapters").mkdir()
    for notebook in map(Path, notebooks):
        chapter = read_json(notebook)
        chapter["cells"] = [cell for cell in chapter["cells"] if not _is_injected(cell)]
        write_json(folder / "chapters" / notebook.name, chapter)
    (folder / "api.rst").write_text(reference())


def _is_injected(cell: dict[str, Any]) -> bool:
    """Return whether a cell has the parameters of a run, which papermill adds."""
    return "injected-parameters" in cell["metadata"].get("tags", [])


def _relinked(text: str) -> str:
    """Return a page with links to where the other pages are in the book."""
    for old, new in {"](../notebooks/": "](chapters/", "](docs/": "]("}.items():
        text = text.replace(old, new)
    return text


def reference() -> str:
    """Return the page of the reference: the public names of each package, each name once."""
    sections, seen = ["API reference\n=============\n"], set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        names = [name for name in public(module) if id(getattr(module, name)) not in seen]
        seen |= {id(getattr(module, name)) for name in names}
        heading = f"{package}\n{'-' * len(package)}"
        entries = "\n".join(f"   {name}" for name in names)
        listing = f".. autosummary::\n   :toctree: api\n   :nosignatures:\n\n{entries}"
        module_line = f".. currentmodule:: {package}"
        sections.append(
            "\n\n".join([heading, inspect.getdoc(module) or "", module_line, listing, ""])
        )
    return "\n".join(sections)


def public(module: Any) -> list[str]:
    """Return the names of the functions and classes in `__all__`."""
    return [
        name
        for name in module.__all__
        if inspect.isroutine(getattr(module, name)) or inspect.isclass(getattr(module, name))
    ]


class Figures:
    """Show figures in the book with the alt texts that their notebooks carry; for MyST-NB."""

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[Any] | None:
        alt = data.output_metadata.get("image/png", {}).get("alt")
        if data.mime_type != "image/png" or not alt:
            return None
        nodes = renderer.render_image(data)
        nodes[0]["alt"] = alt
        return nodes


if __name__ == "__main__":
    assemble(sys.argv[1], sys.argv[2:], ".")
