"""Helpers for tests of chains."""


def same(a, b):
    """Return whether two latents hold the same chain to the last bit, apart from seconds."""
    arrays = ("assignments", "sizes", "counts", "alpha", "beta")
    return (
        all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in arrays)
        and _bytes(a.trace) == _bytes(b.trace)
        and _bytes(a.samples) == _bytes(b.samples)
        and (a.concentration, a.generator) == (b.concentration, b.generator)
        and (a.config, a.seed, a.chain) == (b.config, b.seed, b.chain)
    )


def _bytes(arrays):
    return {
        name: values.tobytes() for name, values in arrays.items() if not name.endswith("seconds")
    }
