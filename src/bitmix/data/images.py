"""Data from grey images: MNIST, IDX files, folders of images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from bitmix.data.dataset import binarise
from bitmix.data.errors import DataError, PathLike
from bitmix.data.files import RELATIVE, Labels, Loaded, Shape, opened
from bitmix.data.idx import read_idx
from bitmix.data.labels import as_labels, read_labels, select
from bitmix.data.mnist import load_mnist_images

#: The suffixes of images in a folder. Other files are ignored.
IMAGE_SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".ppm", ".tif", ".tiff", ".webp"),
)
# Pillow looks at the content, not at the name, and runs Ghostscript for PostScript.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MOST_PIXELS = 1 << 24


def mnist(
    *,
    labels: Sequence[int] = (2, 3),
    threshold: int = 0,
    folder: PathLike | None = None,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read the digits of MNIST, scaled to `image_shape` if given; see `bitmix.data.load_mnist`."""
    images, digits = load_mnist_images(labels, folder=folder)
    grey = scaled(images, image_shape)
    return binarise(grey, digits, threshold), grey


def idx(
    *,
    file: PathLike,
    labels_file: PathLike | None = None,
    labels: Labels | None = None,
    threshold: int = 0,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read a pair of IDX files, plain or .gz, the format of MNIST and Fashion-MNIST.

    Images are scaled to `image_shape`, (rows, columns), if it is given.
    """
    with opened(file) as stream:
        images = read_idx(stream, str(file))
    if images.ndim not in (2, 3) or images.size == 0:
        raise DataError(
            f"{file} has the shape {images.shape}, images have (N, rows, columns); "
            "is it the labels_file?"
        )
    if images.ndim == 3:
        images = scaled(images, image_shape)
    elif image_shape is not None:
        raise DataError(f"{file} has no images to scale: leave image_shape out")
    dataset = binarise(images, read_labels(labels_file, len(images)), threshold)
    return select(dataset, images if images.ndim == 3 else None, labels, file)


def images(
    *,
    folder: PathLike,
    labels: Labels | None = None,
    threshold: int = 0,
    image_shape: Shape | None = None,
) -> Loaded:
    """Read a folder of images as grey levels. The names of its subfolders, if any, are labels.

    Images are scaled to `image_shape`, (rows, columns). Without it, all must have the same size.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; {RELATIVE}")
    paths = image_files(folder)
    if not paths:
        raise DataError(f"{folder} has no images; their names end in {', '.join(IMAGE_SUFFIXES)}")
    above = [path.relative_to(folder).parts[:-1] for path in paths]
    if any(above) and not all(above):
        raise DataError(
            f"{folder} has images both in subfolders, whose names are labels, and beside them: "
            f"{paths[above.index(())].name}; move those"
        )
    grey = [grey_of(path, image_shape) for path in paths]
    for path, image in zip(paths, grey, strict=True):
        if image.shape != grey[0].shape:
            raise DataError(
                f"{path} has {image.shape} pixels (rows, columns), {paths[0].name} has "
                f"{grey[0].shape}; set image_shape, and all are scaled to it"
            )
    grey = np.stack(grey)
    given = as_labels([parts[0] for parts in above]) if any(above) else None
    return select(binarise(grey, given, threshold), grey, labels, folder)


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and its subfolders, sorted by their paths inside it."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file():
            found.append((parts, path))
    return [path for _, path in sorted(found)]


def scaled(images: np.ndarray, shape: Shape | None) -> np.ndarray:
    """Return grey images, shape (N, rows, columns), scaled to another shape."""
    if shape is None or tuple(shape) == images.shape[1:]:
        return images
    return np.stack([_resized(Image.fromarray(image), shape) for image in images])


def _resized(grey: Image.Image, shape: Shape | None) -> np.ndarray:
    """Return an image scaled to (rows, columns) by the mean of each area."""
    if shape is not None:
        grey = grey.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(grey)


def grey_of(path: Path, shape: Shape | None) -> np.ndarray:
    """Return an image in grey levels, uint8, scaled to (rows, columns) by the mean of each area."""
    try:
        # In memory, Pillow cannot read as many bytes as a damaged file claims to have.
        with Image.open(io.BytesIO(path.read_bytes()), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(
                    f"{path} has {image.height} x {image.width} pixels, more than "
                    f"{_MOST_PIXELS:,}; make it smaller"
                )
            if image.mode == "F" or image.mode.startswith("I"):
                raise DataError(f"{path} has more than 256 grey levels; save it with 8 bits")
            if image.has_transparency_data:
                raise DataError(f"{path} is transparent; save it on a background")
            grey = ImageOps.exif_transpose(image).convert("L")
            return _resized(grey, shape)
    except DataError:
        raise
    # Hostile bytes can make Pillow raise any exception.
    except Exception as error:
        raise DataError(
            f"{path} is not an image that can be read ({error}); replace it or remove it"
        ) from error
