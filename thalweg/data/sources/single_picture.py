"""A single picture file: one example without a target, to be predicted for."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


@source(
    "single-picture",
    suffixes=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm"),
    single=True,
)
def single_picture(asked: Asked) -> Examples:
    """The picture's path as the only row of `image`; it is decoded when it is encoded."""
    return Examples(asked.given.stem, {"image": [asked.given]}, kinds={"image": "image"})
