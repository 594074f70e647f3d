"""The new process of `portability`: builds models from their files, fills in saved weights and answers saved rows."""

import json
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from thalweg.contracts.part_file import imported, subject_of


def answer(row: dict[str, str]) -> None:
    """Answer the rows in a folder by the model that it describes."""
    folder = Path(row["folder"])
    kind = getattr(imported(Path(row["file"]), row["module"]), row["class"])
    subject = subject_of(kind, Path(row["file"]))
    model = subject.made(seed=12)
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    rows = {name: one.clone() for name, one in load_file(folder / "rows.safetensors").items()}  # where a file lies decides bits
    said = subject.answer(model, rows)
    save_file({name: one.contiguous() for name, one in said.items()}, folder / "there.safetensors")


def main(folder: Path) -> None:
    """Answer for every model described in `models.json`; what one raises is written into its folder."""
    for row in json.loads((folder / "models.json").read_text(encoding="utf-8")):
        try:
            answer(row)
        except Exception as error:  # noqa: BLE001 - the other models are to be answered too
            (Path(row["folder"]) / "error.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
