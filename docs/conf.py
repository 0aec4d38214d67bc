"""The book: settings of Sphinx. `make book` puts the sources together and builds it."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator

import bitmix

project = "bitmix"
author = "The authors of bitmix"
copyright = author
release = version = bitmix.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "py:obj"

# The notebooks come executed.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # has tables
nb_ipywidgets_js = {}  # these would come from the network
myst_enable_extensions = ["amsmath", "dollarmath", "html_image"]
myst_heading_anchors = 3
myst_links_external_new_tab = True

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc says them
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "bitmix"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # summaries would be fetched, which a page from disk may not do
html_show_sphinx = False
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navigation_with_keys": True,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "logo": {"text": "bitmix"},
}


def visit_inline(translator: SphinxTranslator, node: nodes.math) -> None:
    """Write a formula as MathML, which browsers draw themselves: no script, no network."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(translator: SphinxTranslator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def mathml(formula: str, display: str) -> str:
    """Return a LaTeX formula as MathML. The converter knows align* and no aligned."""
    formula = formula.strip().replace("{aligned}", "{align*}")
    return convert(formula, display=display).replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
