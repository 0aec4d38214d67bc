"""The explorer as one file that opens in a browser without a network."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence

from bitmix.chains import Latent
from bitmix.data import Dataset
from bitmix.explorer.content import content
from bitmix.explorer.script import STYLE, module
from bitmix.io import atomic_write

# The policy forbids the page to load anything from anywhere.
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title} - bitmix explorer</title>
<style>
{css}
</style>
<header class="bitmix-explorer"><h1>Explore: {title}</h1></header>
<main id="explorer"></main>
<noscript>The explorer needs JavaScript.</noscript>
<script type="application/json" id="content">{content}</script>
<script type="module">
{js}
const text = document.getElementById("content").textContent;
render({{ model: {{ get: () => JSON.parse(text) }}, el: document.getElementById("explorer") }});
</script>
</html>
"""


def write_page(
    path: str | os.PathLike[str],
    dataset: Dataset,
    latents: Sequence[Latent],
    title: str = "bitmix",
) -> None:
    """Write the explorer of some chains as one HTML file.

    Parameters
    ----------
    path : path-like
        The file to write.
    dataset, latents, title
        As in `bitmix.explorer.content`.

    Raises
    ------
    ValueError
        If there is no latent, or one was sampled from other rows.
    """
    text = json.dumps(content(dataset, latents, title), separators=(",", ":"))
    page = _PAGE.format(
        title=html.escape(title),
        css=STYLE.read_text(),
        content=text.replace("<", "\\u003c"),  # a "</script>" in a name would end the element
        js=module(),
    )
    with atomic_write(path) as file:
        file.write(page.encode())
