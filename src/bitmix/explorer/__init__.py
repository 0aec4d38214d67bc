"""The explorer: draw or pick a row, hide a part of it, and see what the chains expect.

One small ES module has two homes: `Explorer`, a widget for notebooks, and `write_page`, a file that
needs neither Python nor a network. Both show the same `content`.
"""

from importlib import import_module

from bitmix.explorer.content import content
from bitmix.explorer.page import write_page

__all__ = ["Explorer", "content", "write_page"]


def __getattr__(name: str) -> object:
    if name == "Explorer":  # a page needs no widgets, which take a while to import
        return import_module("bitmix.explorer.widget").Explorer
    raise AttributeError(f"module 'bitmix.explorer' has no attribute {name!r}")
