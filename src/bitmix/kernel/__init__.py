"""The compiled part: random numbers, packed rows, the mixture of a chain and its moves."""

from bitmix.kernel._gibbs import (
    Images,
    Mixture,
    SplitMerge,
    integers,
    log_joint,
    permutation,
    simd_name,
    use_simd,
    vecmath,
)

__all__ = [
    "Images",
    "Mixture",
    "SplitMerge",
    "integers",
    "log_joint",
    "permutation",
    "simd_name",
    "use_simd",
    "vecmath",
]
