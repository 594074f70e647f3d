"""L-BFGS: a quasi-Newton descent for smooth losses without noise, such as physics-informed nets and small full batches."""

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import optim

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import optimizer
from thalweg.optimizers._implementation import OptimizerSettings, Parameters, all_parameters


class LbfgsSettings(OptimizerSettings):
    """Settings of L-BFGS."""

    rate: float = Field(1.0, gt=0.0, json_schema_extra={"scale": "log"}, description="first length tried along each direction")
    iterations: int = Field(20, ge=1, description="directions searched within one step")
    history: int = Field(10, ge=1, description="past pairs of steps and gradient changes that approximate the curvature")
    gradient_tolerance: float = Field(1e-7, ge=0.0, description="stops when no entry of the gradient is larger")
    change_tolerance: float = Field(1e-9, ge=0.0, description="stops when weights or loss change less")


@optimizer(
    "lbfgs", settings=LbfgsSettings, line_search=True, schedule="constant", paper="Liu & Nocedal 1989, doi:10.1007/BF01589116"
)
def lbfgs(parameters: Parameters, settings: LbfgsSettings) -> optim.Optimizer:
    """Moves along minus the approximate inverse Hessian times g, as far as a strong Wolfe line search says.

    Its `step` needs a closure that measures the loss and its gradient again.

    Raises:
        UsageRefusal: several parameter groups; one line is searched for all weights together.
    """
    if len(parameters) > 1 and isinstance(parameters[0], dict):
        raise UsageRefusal(
            "OPTIMIZER_GROUPS",
            f"L-BFGS takes one group of parameters, got {len(parameters)}",
            where="optimizer lbfgs",
            why="one line is searched for all weights together",
            fix="one group, or another optimizer such as adamw",
        )
    return _Lbfgs(
        list(all_parameters(parameters)),
        lr=settings.rate,
        max_iter=settings.iterations,
        history_size=settings.history,
        tolerance_grad=settings.gradient_tolerance,
        tolerance_change=settings.change_tolerance,
        line_search_fn="strong_wolfe",
    )


class _Lbfgs(optim.LBFGS):
    """L-BFGS that stays where it is at a rate of zero, the end of most schedules (torch's divides by it), and can be copied."""

    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        """Searches along its directions; returns the loss before the first one."""
        if self.param_groups[0]["lr"] == 0:
            with torch.enable_grad():
                return closure()
        return super().step(closure)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]  # torch's forgets these when it is copied
        self._numel_cache = None
