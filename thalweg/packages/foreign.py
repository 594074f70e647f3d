"""Foreign files: what other libraries save models as, named and refused by type; none is opened to be understood."""

import os
from pathlib import Path

from thalweg.core.errors import PackageRefusal
from thalweg.core.manifest import MANIFEST, shown

SUFFIXES = {
    ".pt": "a PyTorch file (a pickle)",
    ".pth": "a PyTorch file (a pickle)",
    ".ckpt": "a checkpoint of another library (a pickle)",
    ".bin": "a PyTorch file (a pickle)",
    ".pkl": "a Python pickle",
    ".pickle": "a Python pickle",
    ".joblib": "a joblib pickle",
    ".h5": "a Keras or HDF5 file",
    ".hdf5": "an HDF5 file",
    ".keras": "a Keras archive",
    ".onnx": "an ONNX graph",
    ".mar": "a TorchServe archive",
    ".nemo": "a NeMo archive",
    ".pb": "a TensorFlow graph",
    ".tflite": "a TensorFlow Lite graph",
    ".safetensors": "bare weights, without the model that they belong to",
    ".zip": "an archive",
    ".tar": "an archive",
    ".gz": "an archive",
}
"""What a file is by the end of its name."""

FIRST_BYTES = {
    b"PK\x03\x04": "an archive (a zip, as PyTorch and Keras write it)",
    b"\x80": "a Python pickle",
    b"\x89HDF": "an HDF5 file",
    b"7z\xbc\xaf": "an archive (7z)",
}
"""What a file is by its first bytes, where its name does not say."""

FOLDERS = {
    "saved_model.pb": "a TensorFlow SavedModel",
    "pytorch_model.bin": "a folder of another library (pickled weights)",
    "model.safetensors": "a folder of another library",
    "adapter_config.json": "a folder of another library",
}
"""What a folder without our manifest is by a file in it."""


def refuse_foreign(path: Path) -> None:
    """Return unless a path is a model in a form that is not ours.

    Raises:
        PackageRefusal: it is; the form is named, and nothing of it was read but its first bytes.
    """
    found = _file(path) if os.path.isfile(path) else _folder(path) if os.path.isdir(path) else ""
    if found:
        archive = found.startswith("an archive")
        raise PackageRefusal(
            "PACKAGE_FOREIGN",
            f"{shown(path.name)} is {found}, not a thalweg package",
            where=shown(str(path)),
            why="such files may run code when they are opened, so they are refused by type and never unpickled",
            fix="unpack it, if it holds a package's folder, and give that"
            if archive
            else "give a run's folder; or load it yourself with its own library and train with that: tw.train(data, model=net)",
        )


def _file(path: Path) -> str:
    """What a file is: by its name, by its first bytes, or a single file at any rate, which no package is."""
    suffix = path.suffix.casefold()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    with path.open("rb") as file:
        head = file.read(8)
    found = next((what for magic, what in FIRST_BYTES.items() if head.startswith(magic)), "")
    return found or "a single file"


def _folder(path: Path) -> str:
    if os.path.lexists(path / MANIFEST):
        return ""
    return next((what for name, what in FOLDERS.items() if os.path.lexists(path / name)), "")
