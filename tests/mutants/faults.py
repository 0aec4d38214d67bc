"""All faults. A fault has the number 100 f + i: the i-th fault of the f-th file."""

from mutants import arithmetic, moves, predictions, state
from mutants.plant import Fault


def gathered(*tables):
    """Return the faults of the tables, by file."""
    by_file = {}
    for table in tables:
        for file, faults in table.items():
            by_file.setdefault(file, []).extend(faults)
    return by_file


FAULTS = [
    Fault(100 * f + i, file, *fault)
    for f, (file, faults) in enumerate(
        gathered(state.FAULTS, moves.FAULTS, arithmetic.FAULTS, predictions.FAULTS).items(), start=1
    )
    for i, fault in enumerate(faults, start=1)
]
