"""Random streams: they are those of earlier versions, and no two are equal."""

from itertools import combinations

import numpy as np
import pytest

from bitmix.streams import stream


@pytest.mark.parametrize(
    ("key", "spawn_key"),
    [
        ((), ()),
        ((3,), (3,)),
        (("partitions", 2), (0x70617274, 2)),
        (("predictions", 0), (0x70726564, 0)),
        (("pairs",), (0x70616972,)),
    ],
)
def test_streams_are_those_of_earlier_versions(key, spawn_key):
    expected = np.random.PCG64(np.random.SeedSequence(7, spawn_key=spawn_key))
    assert stream(7, *key).state == expected.state


def test_chains_are_spawned():
    spawned = np.random.SeedSequence(5).spawn(3)[2]
    assert stream(5, 2).state == np.random.PCG64(spawned).state


def test_no_two_purposes_share_a_stream():
    keys = [(), (0,), (1,), ("partitions", 0), ("predictions", 0), ("pairs",)]
    for one, other in combinations(keys, 2):
        assert stream(0, *one).state != stream(0, *other).state
