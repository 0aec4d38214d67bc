"""What figures show, for their tests."""

SHAPE = (6, 4)


def drawn(figure):
    """Return the only image of a figure as an array."""
    (axes,) = figure.axes
    (image,) = axes.images
    return image.get_array()
