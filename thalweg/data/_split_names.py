"""Names that say to which part their rows belong: `x_train`, `test_images`, `valid/`, as Keras and MedMNIST write them."""

from dataclasses import dataclass

PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
}
INPUTS = ("x", "images", "data", "image", "features", "inputs")
TARGETS = ("y", "labels", "target", "label", "targets")
CLASSES = ("classes", "class_names", "target_names")
COLUMN_NAMES = ("feature_names", "columns")


@dataclass(frozen=True)
class SplitName:
    """A name taken apart: the column, and the part its rows belong to (None: no part is named)."""

    base: str
    part: str | None


def split_name(name: str) -> SplitName:
    """`X_train`, `train_x` and `x` as column `x` of a part, or of none."""
    folded = name.casefold()
    first, _, rest = folded.partition("_")
    if rest and first in PART_NAMES:
        return SplitName(rest, PART_NAMES[first])
    before, _, last = folded.rpartition("_")
    if before and last in PART_NAMES:
        return SplitName(before, PART_NAMES[last])
    return SplitName(folded, None)
