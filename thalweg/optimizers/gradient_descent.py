"""Gradient descent: plain, with momentum, and with Nesterov's look ahead."""

from pydantic import Field
from torch.optim import SGD, Optimizer

from thalweg.core.registry import optimizer
from thalweg.optimizers._implementation import DecayingSettings, Parameters, may_fuse


class DescentSettings(DecayingSettings):
    """Settings of plain gradient descent."""

    rate: float = Field(0.1, gt=0.0, json_schema_extra={"scale": "log"}, description="base learning rate, before the schedule")


class MomentumSettings(DescentSettings):
    """Settings of gradient descent with momentum."""

    rate: float = Field(0.02, gt=0.0, json_schema_extra={"scale": "log"}, description="base learning rate, before the schedule")
    momentum: float = Field(0.9, gt=0.0, lt=1.0, description="share of the velocity that lasts to the next step")


@optimizer(
    "sgd",
    settings=DescentSettings,
    elementwise=True,
    remembers=False,
    paper="Robbins & Monro 1951, doi:10.1214/aoms/1177729586",
)
def sgd(parameters: Parameters, settings: DescentSettings) -> Optimizer:
    """Moves by w <- w - rate g, with g the gradient plus weight_decay w."""
    return SGD(parameters, lr=settings.rate, weight_decay=settings.weight_decay, fused=may_fuse(parameters))


@optimizer("momentum", settings=MomentumSettings, elementwise=True, paper="Polyak 1964, doi:10.1016/0041-5553(64)90137-5")
def momentum(parameters: Parameters, settings: MomentumSettings) -> Optimizer:
    """Moves by v <- momentum v + g; w <- w - rate v."""
    return SGD(
        parameters,
        lr=settings.rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        fused=may_fuse(parameters),
    )


@optimizer("nesterov", settings=MomentumSettings, elementwise=True, paper="Sutskever et al. 2013, ICML, eq. 3-4")
def nesterov(parameters: Parameters, settings: MomentumSettings) -> Optimizer:
    """Moves by v <- momentum v + g; w <- w - rate (g + momentum v): the gradient where the velocity will have led."""
    return SGD(
        parameters,
        lr=settings.rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=True,
        fused=may_fuse(parameters),
    )
