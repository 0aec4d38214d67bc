"""Random streams: what is drawn for one purpose never depends on what is drawn for another.

A stream is a bit generator made from a seed and a key. Chain i of a seed has the key (i,), as
`numpy.random.SeedSequence.spawn` gives it; every other purpose has a word of its own in its key.
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
        What the stream is for. A word counts as the number that its first four letters make.

    Notes
    -----
    Use its `random` doubles only: NumPy promises the bits of a bit generator across versions, but
    not what `Generator` makes of them.
    """
    words = [_number(item) if isinstance(item, str) else operator.index(item) for item in key]
    return np.random.PCG64(np.random.SeedSequence(operator.index(seed), spawn_key=tuple(words)))


def _number(word: str) -> int:
    return int.from_bytes(word.encode()[:4], "big")
