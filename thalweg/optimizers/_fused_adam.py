"""Adam by torch's fused kernels alone.

`torch.optim.Optimizer` loads torch's compiler when the first optimizer is built, though nothing is compiled: 500 modules and
1.7 s of the 5 s that a first epoch may take. This one holds the same groups and state under the same names and takes the same
steps to the bit.

Reference: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2 (decoupled).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from thalweg.optimizers._implementation import Parameters

MOMENTS = ("exp_avg", "exp_avg_sq")
"""Names of the running averages of g and g^2 in the state, as torch has them."""


class FusedAdam:
    """Adam, or AdamW where the decay is decoupled.

    Args:
        parameters: those that `may_fuse`, or torch's groups of them.

    Attributes:
        param_groups: parameters with their `lr`, `betas`, `eps`, `weight_decay` and `decoupled_weight_decay`.
        state: by parameter, the number of its updates and its moments; empty before its first update.
        found_inf: () float32 on the device, 1 where the next update changes nothing; None: it changes what it does.
    """

    _step_supports_amp_scaling = True  # what torch's own optimizers say that read `found_inf`

    def __init__(
        self,
        parameters: Parameters,
        *,
        rate: float,
        betas: tuple[float, float],
        epsilon: float,
        weight_decay: float,
        decoupled: bool,
    ) -> None:
        usual = {
            "lr": rate,
            "betas": betas,
            "eps": epsilon,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled,
        }
        given: list[Any] = list(parameters)
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = [{**usual, **group, "params": list(group["params"])} for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.found_inf: Tensor | None = None

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One update along the gradients in `grad`; parameters without one stay.

        Args:
            closure: measures loss and gradients first; the loss is what is given back.
        """
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for one in self._parameters():  # all memory before anything is written: an update is made whole or not at all
            if one.grad is not None:
                self._state_of(one)
        for group in self.param_groups:
            for alike in _of_one_type(group["params"]):
                self._update(alike, group)
        return loss

    def _update(self, parameters: list[Tensor], group: Mapping[str, Any]) -> None:
        states = [self.state[one] for one in parameters]
        averages, squares = ([state[name] for state in states] for name in MOMENTS)
        counts = [state["step"] for state in states]
        fused = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
        torch._foreach_add_(counts, 1)
        try:
            fused(
                parameters,
                [one.grad for one in parameters if one.grad is not None],
                averages,
                squares,
                [],
                counts,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
                found_inf=self.found_inf,
            )
        except (MemoryError, RuntimeError):  # nothing moved
            torch._foreach_sub_(counts, 1)
            raise
        if self.found_inf is not None:
            torch._foreach_sub_(counts, [self.found_inf] * len(counts))

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        if not self.state.get(parameter):
            count = torch.zeros((), dtype=torch.float32, device=parameter.device)
            self.state[parameter] = {"step": count} | {name: torch.zeros_like(parameter) for name in MOMENTS}
        return self.state[parameter]

    def state_dict(self) -> dict[str, Any]:
        """The state by the number of each parameter, counted over all groups."""
        return {"state": {index: self.state[one] for index, one in enumerate(self._parameters()) if self.state.get(one)}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave, where each parameter lies and in its type."""
        parameters = list(self._parameters())
        self.state = {parameters[index]: _beside(parameters[index], held) for index, held in state["state"].items()}

    def _parameters(self) -> Iterator[Tensor]:
        return (one for group in self.param_groups for one in group["params"])


def _of_one_type(parameters: list[Tensor]) -> list[list[Tensor]]:
    """The parameters that have a gradient, those of one type together: the kernels take one at a time."""
    alike: dict[torch.dtype, list[Tensor]] = {}
    for one in parameters:
        if one.grad is not None:
            alike.setdefault(one.dtype, []).append(one)
    return list(alike.values())


def _beside(parameter: Tensor, held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    shapes = {"step": torch.Size()} | dict.fromkeys(MOMENTS, parameter.shape)
    if {name: one.shape for name, one in held.items()} != shapes:  # the kernel looks at no shape but the parameter's
        raise ValueError(f"what is remembered of a parameter {tuple(parameter.shape)} is shaped otherwise")
    types = {name: torch.float32 if name == "step" else parameter.dtype for name in held}
    return {name: one.to(parameter.device, types[name], copy=True) for name, one in held.items()}
