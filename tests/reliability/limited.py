"""A training in a process whose memory the system limits; imports nothing heavy, for `Fresh`."""

import resource
from pathlib import Path


def trained(folder: str, megabytes: int, optimizer: str, normalised: bool) -> tuple[list[float], list[str]]:
    """Train with so many megabytes left to this process, 0 for all there are; gives weights, and what needed care.

    A batch of 4,096 rows takes about 32 MB at each of several places of the net.
    """
    import numpy as np
    import torch

    from tests.packages.trained import Heard
    from tests.training.resuming import fitted
    from thalweg.core.errors import Refusal

    drawn = np.random.default_rng(0).normal(size=(6000, 8)).astype(np.float32)
    data = {"x": drawn, "y": drawn[:, 0] * drawn[:, 1] + drawn[:, 2]}
    rule = {"optimizer": optimizer, "rate": 0.01, "steps": 3, "batch_size": 4096, "average": 0.5}
    model = {"name": "mlp", "hidden": [2048], "normalisation": "batch" if normalised else "none"}
    asked = {"data": {"target": "y"}, "rule": rule, "model": model, "speed": "plain", "task": "regression"}
    fitted({**asked, "rule": {**rule, "steps": 1, "batch_size": 8}}, Path(folder) / "first", given=data)  # libraries wake
    if megabytes:
        held = 1024 * int(Path("/proc/self/status").read_text(encoding="ascii").partition("VmData:")[2].split()[0])
        resource.setrlimit(resource.RLIMIT_DATA, (held + megabytes * 2**20,) * 2)
    heard = Heard()
    try:
        run = fitted(asked, Path(folder) / "run", given=data, talk=heard)
    except Refusal as refusal:
        return [], [f"{refusal.exit_code} {refusal.code} {refusal.what} {refusal.why} {refusal.fix}"]
    weights = torch.cat([one.detach().double().flatten() for one in run.package.model.parameters()])
    return weights[::97].tolist(), heard.warned
