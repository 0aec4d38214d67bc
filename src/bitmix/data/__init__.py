"""Binary data sets, their files and their sources."""

from bitmix.data.binary import as_binary
from bitmix.data.dataset import Dataset, binarise, data_sha256, shuffle
from bitmix.data.debd import load_debd
from bitmix.data.errors import DataError
from bitmix.data.mnist import load_mnist, load_mnist_images
from bitmix.data.packed import PackedRows
from bitmix.data.storage import load_dataset, save_dataset
from bitmix.data.tables import from_frame, new_rows

__all__ = [
    "DataError",
    "Dataset",
    "PackedRows",
    "as_binary",
    "binarise",
    "data_sha256",
    "from_frame",
    "load_dataset",
    "load_debd",
    "load_mnist",
    "load_mnist_images",
    "new_rows",
    "save_dataset",
    "shuffle",
]
