"""The workflow of tests/workflow, for faults in whole runs."""

from workflow.conftest import pristine, workflow

__all__ = ["pristine", "workflow"]
