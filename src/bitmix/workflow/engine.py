"""The engine with which papermill runs the notebooks: kernels that start at once never meet."""

import tempfile
from typing import Any

from papermill.engines import NBClientEngine
from traitlets.config import Config

# The path of a Unix socket has room for about 100 bytes.
_LONGEST = 80


class Engine(NBClientEngine):
    """The engine of papermill, but with Unix sockets between papermill and each kernel.

    Over TCP a kernel is told of ports that were free a moment ago. Of two that start at once, one
    can find its port taken by the other, and dies.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        with tempfile.TemporaryDirectory(prefix="bitmix-") as folder:
            if len(folder) < _LONGEST:
                sockets = {"transport": "ipc", "ip": f"{folder}/kernel"}
                kwargs["config"] = Config({"KernelManager": sockets})
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
