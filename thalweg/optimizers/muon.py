"""Muon: momentum whose matrices are made orthogonal before the step, with AdamW for everything that is no matrix.

Every update of a matrix then has all its singular values near 1, so that no direction of the weights is left behind. The
update is scaled to the size that AdamW's would have, so that rates and decays carry over.

Reference: Jordan 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982, algorithm 1 and eq. 4.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.adamw import adamw

from thalweg.core.registry import optimizer
from thalweg.optimizers._implementation import DecayingSettings, Parameters, all_parameters, may_fuse

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of the quintic a x + b x^3 + c x^5: the steepest at 0 that keeps singular values within about [0.7, 1.2]."""


WIDE = 1.5
"""Columns to a row from which gathering the factors of the iterations saves work."""


class MuonSettings(DecayingSettings):
    """Settings of Muon; the weights that are no matrices follow AdamW with settings of their own."""

    rate: float = Field(
        0.02, gt=0.0, json_schema_extra={"scale": "log"}, description="base rate of matrices, before the schedule"
    )
    weight_decay: float = Field(
        0.05, ge=0.0, json_schema_extra={"scale": "log"}, description="share of every matrix taken off per unit of rate"
    )
    momentum: float = Field(0.95, ge=0.0, lt=1.0, description="weight of the past in the running average of gradients")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the orthogonalisation; bfloat16 pays on hardware that multiplies it, and costs twentyfold elsewhere",
    )
    first: Literal["adamw", "muon"] = Field("muon", description="who moves the first matrix, of symbols looked up in some nets")
    last: Literal["adamw", "muon"] = Field("adamw", description="who moves the last matrix, the head of most nets")
    rest_rate: float = Field(
        3e-3, gt=0.0, json_schema_extra={"scale": "log"}, description="base rate of all that is no matrix, before the schedule"
    )
    rest_decay: float = Field(0.0, ge=0.0, description="share of the rest taken off per unit of its rate")
    beta1: float = Field(0.9, ge=0.0, lt=1.0, description="of the rest: weight of the past in the average of gradients")
    beta2: float = Field(0.95, gt=0.0, lt=1.0, description="of the rest: weight of the past in the average of squares")
    epsilon: float = Field(1e-8, gt=0.0, description="of the rest: keeps the division finite")


@optimizer("muon", settings=MuonSettings, elementwise=False, paper="Jordan 2024; Liu et al. 2025, arXiv:2502.16982")
class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for matrices and convolutions (flattened to matrices), AdamW for the rest.

    The rate of every group may be set to one and the same number: the rest multiplies it by `rate_ratio`, which is
    rest_rate / rate.

    Args:
        parameters: parameters or groups. Whatever has two axes or more is a matrix, except the last (see `last`, `first`). A
            group may decide for itself with the key `muon`: False for embeddings, for example.

    Attributes:
        found_inf: () float32 on the device, 1 where the next update changes nothing; None: it changes what it does.
    """

    found_inf: Tensor | None = None

    def __init__(self, parameters: Parameters, settings: MuonSettings) -> None:
        kept = settings.model_dump(exclude={"rate", "rest_rate", "first", "last"})
        super().__init__(list(_divided(parameters, settings)), {"lr": settings.rate, **kept})
        self._step_supports_amp_scaling = all(group.get("fused", True) for group in self.param_groups)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient; returns what the closure did."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["muon"]:
                self._move_matrices(moved, group)
            elif moved:
                self._move_rest(moved, group)
        return loss

    def _move_matrices(self, matrices: list[nn.Parameter], group: dict[str, Any]) -> None:
        """W <- (1 - rate decay) W - rate 0.2 sqrt(max(rows, columns)) O, with O the orthogonalised momentum."""
        rate = group["lr"] * group["rate_ratio"]
        alike: dict[tuple[Any, ...], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for matrix in matrices:
            wide = _as_wide(self._looked_ahead(matrix, group["momentum"]))
            alike[(wide.shape, wide.dtype, wide.device)].append((matrix, wide))
        for (shape, _, _), several in alike.items():
            updates = orthogonalised(torch.stack([wide for _, wide in several]), precision=group["precision"])
            scale = 0.2 * max(shape) ** 0.5
            for (matrix, _), update in zip(several, updates.unbind(0), strict=True):
                laid = update.mT if _is_tall(matrix) else update
                self._move(matrix, laid.reshape(matrix.shape), kept=1 - rate * group["weight_decay"], by=rate * scale)

    def _move(self, matrix: nn.Parameter, update: Tensor, *, kept: float | Tensor, by: float | Tensor) -> None:
        """W <- kept W - by update, unless the device has found that nothing is to change."""
        if isinstance(by, Tensor):
            update, by = update * by, 1.0
        if self.found_inf is None:
            matrix.mul_(kept).sub_(update, alpha=by)
        else:
            matrix.copy_(torch.where(self.found_inf > 0, matrix, matrix.mul(kept).sub_(update, alpha=by)))

    def _looked_ahead(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        """Nesterov's look ahead: g + momentum (m - g), with m the running average; only its direction matters."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix, memory_format=torch.preserve_format)
        gradient = matrix.grad
        if self.found_inf is not None:
            gradient = torch.where(self.found_inf > 0, state["momentum"], gradient)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)

    def _move_rest(self, rest: list[nn.Parameter], group: dict[str, Any]) -> None:
        states = [self._averages(parameter, fused=group["fused"]) for parameter in rest]
        adamw(
            list(rest),
            [parameter.grad for parameter in rest if parameter.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=group["fused"],
            foreach=not group["fused"],
            amsgrad=False,
            beta1=group["beta1"],
            beta2=group["beta2"],
            lr=group["lr"] * group["rate_ratio"],
            weight_decay=group["rest_decay"],
            eps=group["epsilon"],
            maximize=False,
            found_inf=self.found_inf,
        )

    def _averages(self, parameter: nn.Parameter, *, fused: bool) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device if fused else "cpu")
            state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state


def orthogonalised(matrices: Tensor, *, precision: Literal["float32", "bfloat16"] = "float32", steps: int = 5) -> Tensor:
    """U S' V^T for each matrix U S V^T, with every singular value in S' near 1: within about [0.7, 1.2] after five steps.

    Args:
        matrices: (N, rows, columns), rows <= columns for speed; float64 stays in float64 whatever the precision.
        steps: Newton-Schulz iterations, products of matrices alone.

    Returns:
        (N, rows, columns), of the dtype of the input; zero for a matrix of zeros.
    """
    dtype = torch.float64 if matrices.dtype == torch.float64 else getattr(torch, precision)
    x = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-30)
    x = x.to(dtype)
    rows, columns = x.shape[-2:]
    through_gram = dtype != torch.bfloat16 and columns > WIDE * rows
    answer = _gathered(x, steps) if through_gram else _iterated(x, steps)
    return answer.to(matrices.dtype)


def _iterated(x: Tensor, steps: int) -> Tensor:
    """Newton-Schulz on the matrices themselves: x <- a x + (b G + c G^2) x with G = x x^T."""
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ x.mT  # (N, rows, rows)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _gathered(x: Tensor, steps: int) -> Tensor:
    """The same, with the factors P = a I + b G + c G^2 gathered first: two products with the wide matrix instead of ten.

    All of them commute, so G <- P G P and the answer is (P_n ... P_1) x.
    """
    a, b, c = COEFFICIENTS
    gram, gathered = x @ x.mT, None
    unit = torch.eye(x.shape[-2], dtype=x.dtype, device=x.device).expand_as(gram)
    for step in range(steps):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c).add_(unit, alpha=a)
        gathered = factor if gathered is None else factor @ gathered
        if step < steps - 1:
            gram = factor @ gram @ factor
    return x if gathered is None else gathered @ x


def _divided(parameters: Parameters, settings: MuonSettings) -> Iterator[dict[str, Any]]:
    """Each group as up to two: the matrices and the rest."""
    matrices = [parameter for parameter in all_parameters(parameters) if parameter.dim() >= 2]
    ends = {"first": matrices[:1], "last": matrices[-1:]}
    excluded = {id(one) for end, several in ends.items() for one in several if getattr(settings, end) == "adamw"}
    groups = [entry for entry in parameters if isinstance(entry, dict)]
    for group in groups or [{"params": list(all_parameters(parameters))}]:
        by_rule = group.get("muon")
        chosen = [
            parameter
            for parameter in group["params"]
            if parameter.dim() >= 2 and (id(parameter) not in excluded if by_rule is None else by_rule)
        ]
        others = [parameter for parameter in group["params"] if all(parameter is not one for one in chosen)]
        if chosen:
            yield group | {"params": chosen, "muon": True, "rate_ratio": 1.0}
        if others:
            ratio = settings.rest_rate / settings.rate
            yield group | {"params": others, "muon": False, "rate_ratio": ratio, "fused": may_fuse(others)}


def _is_tall(matrix: Tensor) -> bool:
    return matrix.shape[0] ** 2 > matrix.numel()


def _as_wide(matrix: Tensor) -> Tensor:
    """A convolution flattened to (outputs, inputs x kernel), and transposed where it is taller than wide."""
    flat = matrix.flatten(1)
    return flat.mT if _is_tall(matrix) else flat
