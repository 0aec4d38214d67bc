"""The explorer as a widget for notebooks."""

from collections.abc import Sequence

import anywidget
import traitlets

from bitmix.chains import Latent
from bitmix.data import Dataset
from bitmix.explorer.content import content as content_of
from bitmix.explorer.script import STYLE, module


class Explorer(anywidget.AnyWidget):
    """The explorer of some chains.

    Parameters
    ----------
    dataset, latents, title
        As in `bitmix.explorer.content`.

    Raises
    ------
    ValueError
        If there is no latent, or one was sampled from other rows.
    """

    _esm = module()
    _css = STYLE
    content = traitlets.Dict().tag(sync=True)

    def __init__(self, dataset: Dataset, latents: Sequence[Latent], title: str = "bitmix") -> None:
        super().__init__(content=content_of(dataset, latents, title))
