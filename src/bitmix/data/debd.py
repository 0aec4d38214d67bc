"""DEBD: the binary data sets by which density models are compared, with their fixed splits."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from bitmix.arguments import check_choice
from bitmix.data.dataset import Dataset
from bitmix.data.errors import PathLike
from bitmix.data.files import Loaded
from bitmix.data.published import Files, Published, download

#: The splits of a set.
SPLITS = ("train", "valid", "test")
#: The sha256 of the files of each set, uncompressed, in the order of `SPLITS`.
SHA256 = {
    "nltcs": (
        "e547a7aedad1dd2f7177030881ab1b92c7e24ae5464c71a0f1f89daecaf52b30",
        "93bbbf5c6febdc9bc6e5b5bfab636f4dc0685ab2896d24b23dd267794c3bfcf6",
        "f9ffa6b74b27dc03bee3203d157ee31079e80b13be40d0c0093d635c25aed523",
    ),
    "plants": (
        "1fb1219ff94068d12a563f9e81f8889a1885f41e867884cff608669300c6848f",
        "47834ed318b2d74f48e4b083226ef47fd446d41986012ceae19d230574821b34",
        "95f53c033cd1d86467aec2610dc5bfe014534206c2da4919f73bcab246ab8755",
    ),
    "baudio": (
        "b1ec73f4aa9d4ce48b465ded865cc3d22b3f68cf6258f9e15fbef8902138add1",
        "7164d8a4943f74953f0e982002d84693fdf483e17f69e7407dc939c5ce5622fe",
        "1474f3206f1f35e099803a0f40b0cd209bdc8d787825095ef6cb23fd87ed0d05",
    ),
    "jester": (
        "dd93578c3359d5b234bb278bf0901c5215d83b910f7d51d7c91951a0a4c244cd",
        "91df833941e189265345898d3f63211560c2456df599f34beee8e95381ee7524",
        "346044fb561cf18f284f7e9d5896178b03048991b6ebb6f7482885fccbc16082",
    ),
    "bnetflix": (
        "73c87cf0635ec734cc0726a5c644b904ff33e81ea51f1049db0e77b787ebad7c",
        "7f0a3e597c6f305f707f9ecd2b2aa523c576cdb17fdc5d902fc832ebea5163de",
        "af73990782fd2f146d96059855c4f3bbb6a7a7caefc417ff620a3ed1415a2395",
    ),
    "accidents": (
        "a76648cf00772c275b4277b21d858e235e3c6d3c5ef30beeb4958189b6bed21c",
        "fd3a80a0f411f157cf3772a057d26980bb166cb89b10cafb818a53f1ec30d46d",
        "df3f1b6c035bf3e306a7d7127320e479d2546ce14a5d6d3043e6be0925b8b414",
    ),
    "pumsb_star": (
        "27e610b5f9f507f94ebf8a227f8b96cc59d7eed51e06ee5d2fe8353afbc1524c",
        "6a491d1ea64eb0249dddd168fdddeef88aa21001a933eb7309603b6466187af8",
        "b2da195314ac17f9d8d171743c5f98a28ea9583332a52d34aa228ff2e11aa8e7",
    ),
    "dna": (
        "bb8de0ca4b6ad9b610036b7a302962ebecd4b504354b14c02c7d0bee48d207d9",
        "4b0fc89cda5eaf5c75926e281afb6af99de194a546070d5b81b524ba251f4f3f",
        "fec3ae7b26804020a9c43c99828441c5e08bb76b23719368a74ad2b09af99100",
    ),
    "bbc": (
        "a6f0ba467ebf502ba3b37caa1f20e43ff82664dcd580be92010106cf80fb0db1",
        "f6a37bd58cdb6745725628be19dfd3b9b795082faa8ca771b8f27dbf4a5ff46d",
        "7116fce92a1f3d610cee673a974c8c9895957ee07ce6f086b431ee296aa7734a",
    ),
}
#: The folder on the web with a folder for each set.
URL = "https://raw.githubusercontent.com/arranger1044/DEBD/master/datasets/"


def load_debd(
    name: str,
    split: str = "train",
    *,
    cache: PathLike | None = None,
    folder: PathLike | None = None,
) -> Dataset:
    """Return one split of a set of DEBD, in the order of its file.

    The sets are those of https://github.com/arranger1044/DEBD.

    Parameters
    ----------
    name : str
        The set, a key of `SHA256`.
    split : {"train", "valid", "test"}
    cache : path-like, optional
        The folder for downloaded files. The default is the environment variable BITMIX_CACHE, or
        else the user's cache folder.
    folder : path-like, optional
        A folder with the files `<name>.<split>.data`, plain or .gz. The default is the environment
        variable BITMIX_DATA. The folder comes before any other source.

    Returns
    -------
    Dataset
        Without labels.

    Raises
    ------
    ValueError
        If there is no such set or split.
    DataError
        If a file in `folder` differs from DEBD's, or no source has it.
    """
    check_choice("name", name, SHA256)
    check_choice("split", split, SPLITS)
    folder = folder or os.environ.get("BITMIX_DATA")
    cache = cache or os.environ.get("BITMIX_CACHE") or user_cache_dir("bitmix")
    file = f"{name}.{split}.data"
    published = Published(
        title="DEBD",
        sha256={file: SHA256[name][SPLITS.index(split)]},
        downloads={URL: partial(_from_repository, name)},
    )
    contents = published.read(
        Path(folder).expanduser() if folder else None, Path(cache).expanduser()
    )
    lines = contents[file].split()
    values = np.frombuffer(b"".join(lines).replace(b",", b""), np.uint8) - ord("0")
    return Dataset(values.reshape(len(lines), -1))


def debd(*, name: str, split: str = "train", folder: PathLike | None = None) -> Loaded:
    """Read one split of a set of DEBD; see `bitmix.data.load_debd`."""
    return load_debd(name, split, folder=folder), None


def _from_repository(name: str, published: Published, files: list[str]) -> Files:
    """Yield files of a set."""
    for file in files:
        url = f"{URL}{name}/{file}"
        yield file, published.verified(file, download(url), url)
