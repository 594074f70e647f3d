"""What other tools call a thing, and what it is called here, on the command line and in Python alike."""

KNOWN_ELSEWHERE = {
    "learning-rate": "lr", "max-epochs": "epochs", "num-epochs": "epochs", "n-epochs": "epochs", "max-steps": "steps",
    "label": "target", "target-column": "target", "output": "out", "output-dir": "out", "config": "settings",
    "bs": "batch-size", "batch": "batch-size", "random-state": "seed", "num-threads": "threads", "imgsz": "image-size",
    "early-stopping": "patience", "criterion": "loss", "architecture": "model", "arch": "model",
}  # fmt: skip
"""Names as a command line writes them."""
