"""The instruction sets that a test of the kernel runs with."""

import pytest

from bitmix import kernel


@pytest.fixture(params=["baseline", "v3", "v4"])
def level(request):
    """Use an instruction set for one test; skip it where this machine has none such."""
    before = kernel.simd_name()
    try:
        kernel.use_simd(request.param)
    except ValueError as error:
        pytest.skip(str(error))
    yield request.param
    kernel.use_simd(before)
