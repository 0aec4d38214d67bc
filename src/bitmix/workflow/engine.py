"""The engines with which papermill runs notebooks.

Kernels that start together do not collide, and two runs of a notebook give the same bytes.
"""

import tempfile
from typing import Any

from papermill.engines import NBClientEngine
from traitlets.config import Config

from bitmix.workflow.kernels import ForkManager

# The path of a Unix socket has room for about 100 bytes.
_LONGEST = 80
_INJECTED = "injected-parameters"
# What papermill notes about this execution. The benchmark of the rule has its time.
_OF_EXECUTION = ("start_time", "end_time", "duration", "input_path", "output_path")


class Engine(NBClientEngine):
    """papermill's engine with Unix sockets between papermill and each kernel.

    With TCP, a kernel gets ports that were free a moment ago. If two kernels start together, both
    may get the same port, and one of them dies.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, *args: Any, **kwargs: Any) -> Any:
        executed = super().execute_notebook(nb, *args, **kwargs)
        for part in (executed, *executed.cells):
            for name in _OF_EXECUTION:
                part.metadata.papermill.pop(name, None)
        for cell in executed.cells:
            if _INJECTED in cell.metadata.get("tags", []):
                cell.id = _INJECTED  # papermill's id is random
        return executed

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        with tempfile.TemporaryDirectory(prefix="bitmix-") as folder:
            if len(folder) < _LONGEST:
                sockets = {"transport": "ipc", "ip": f"{folder}/kernel"}
                kwargs["config"] = Config({"KernelManager": sockets})
            kwargs["kernel_manager_class"] = ForkManager
            kwargs["record_timing"] = False
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


class TableEngine(Engine):
    """The engine for runs of tables. It leaves out the cells with the tag "study".

    These cells tell about the digits of the study, or what a notebook shows when it runs alone.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        cells = nb_man.nb.cells
        nb_man.nb.cells = [cell for cell in cells if "study" not in cell.metadata.get("tags", [])]
        return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
