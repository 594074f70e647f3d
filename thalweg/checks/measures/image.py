"""Measures of pictures: how bright, how contrasty, how soft, how colourful."""

import numpy as np

from thalweg.checks.pictures import pictures_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import measures


@measures("image")
def image(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows that could be read, and (n,) of each measure by name."""
    read = pictures_of(subject, seen)
    keep = np.isin(read.rows, rows)
    found = {
        "brightness": read.grey.mean(axis=(1, 2)),
        "brightness of the brightest": read.bright,
        "contrast": read.contrast,
        "softness": read.softness,
        "colour": np.ptp(read.colour, axis=3).mean(axis=(1, 2)),
    }
    return read.rows[keep], {name: values[keep] for name, values in found.items()}
