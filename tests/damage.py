"""Damaged files."""


def flipped(content, bit):
    """Return bytes with one bit flipped."""
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)
