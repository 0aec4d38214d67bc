"""The explorer's ES module and its style."""

from pathlib import Path

_HERE = Path(__file__).parent
#: The parts of the module, in order. One text can be part of a page; modules that import each other
#: cannot.
_PARTS = (
    *("arithmetic.js", "parts.js", "rows.js", "image-editor.js", "switch-editor.js"),
    *("clusters.js", "explorer.js"),
)

STYLE = _HERE / "explorer.css"


def module() -> str:
    """Return the ES module, which has no imports and exports `render` by default."""
    return "\n".join((_HERE / part).read_text() for part in _PARTS)
