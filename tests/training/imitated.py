"""What a run says of its precision in a process whose processor may have fewer instructions; imports nothing heavy."""

from pathlib import Path


def said(folder: str, precision: str) -> list[str]:
    """The sentences that need care of a short run in a precision."""
    from tests.packages.trained import Heard, table
    from tests.training.resuming import fitted

    heard = Heard()
    asked = {"data": {"target": "kind"}, "model": {"name": "mlp", "hidden": [8]}, "rule": {"steps": 3}, "precision": precision}
    fitted(asked, Path(folder) / "run", given=table(), talk=heard)
    return heard.warned
