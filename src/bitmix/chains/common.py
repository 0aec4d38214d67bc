"""What chains must share to be used together."""

from collections.abc import Callable, Sequence

from bitmix.chains.latent import Latent


def common(latents: Sequence[Latent], name: str, number_of: Callable[[Latent], int]) -> int:
    """Return a number that all latents share, such as that of features, or raise ValueError."""
    if isinstance(latents, Latent) or not len(latents):
        raise ValueError("latents must be a sequence of at least one Latent; for one: [latent]")
    numbers = {number_of(latent) for latent in latents}
    if len(numbers) > 1:
        raise ValueError(f"the latents differ in their number of {name}: {sorted(numbers)}")
    return numbers.pop()
