"""Latent classes: what many states of chains say together, class by class.

Each state numbers its clusters as it likes (label switching). `find_classes` takes the clusters of
the consensus that most states agree on as classes, and says which cluster of each state is which
class. Everything else here follows from that: profiles with intervals, memberships of rows, missing
answers, new rows and words. Classes are numbered from 1, largest first, in tables and texts.
"""

from bitmix.classes.names import item_labels, item_names, numbered, row_index
from bitmix.classes.number import number_of_classes
from bitmix.classes.profiles import Profiles, profiles
from bitmix.classes.relabel import Classes, find_classes
from bitmix.classes.rows import classify, impute
from bitmix.classes.tables import (
    MOST_PAIRED,
    class_table,
    imputed_table,
    member_table,
    write_classes,
    write_table,
)
from bitmix.classes.words import describe, describe_number

__all__ = [
    "MOST_PAIRED",
    "Classes",
    "Profiles",
    "class_table",
    "classify",
    "describe",
    "describe_number",
    "find_classes",
    "impute",
    "imputed_table",
    "item_labels",
    "item_names",
    "member_table",
    "number_of_classes",
    "numbered",
    "profiles",
    "row_index",
    "write_classes",
    "write_table",
]
