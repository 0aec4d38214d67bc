"""Random streams: draws for one purpose never depend on draws for another.

A stream is a bit generator with a seed and a key. Chain i of a seed has the key (i,), as in
`numpy.random.SeedSequence.spawn`. The key of every other purpose contains its own word.
"""

import operator

import numpy as np


def stream(seed: int, *key: int | str) -> np.random.PCG64:
    """Return the bit generator of a seed and a key.

    Parameters
    ----------
    seed : int
        Zero or more.
    *key : int or str
        The purpose of the stream. A word stands for the number that its first four letters form.

    Notes
    -----
    Use only its `random` doubles. NumPy promises the bits of a bit generator across versions, but
    not the results of other `Generator` methods.
    """
    words = [_number(item) if isinstance(item, str) else operator.index(item) for item in key]
    return np.random.PCG64(np.random.SeedSequence(operator.index(seed), spawn_key=tuple(words)))


def _number(word: str) -> int:
    return int.from_bytes(word.encode()[:4], "big")
