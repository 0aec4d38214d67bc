"""Binary data sets: what they are, the files that keep them, and where they come from."""

from bitmix.data.binary import as_binary
from bitmix.data.dataset import (
    DataError,
    Dataset,
    PathLike,
    binarise,
    data_sha256,
    load_dataset,
    load_mnist,
    load_mnist_images,
    parse_idx,
    save_dataset,
    shuffle,
    uncompressed,
)

__all__ = [
    "DataError",
    "Dataset",
    "PathLike",
    "as_binary",
    "binarise",
    "data_sha256",
    "load_dataset",
    "load_mnist",
    "load_mnist_images",
    "parse_idx",
    "save_dataset",
    "shuffle",
    "uncompressed",
]
