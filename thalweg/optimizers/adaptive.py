"""Descents with a rate of their own for each weight, from the squares of its past gradients."""

from pydantic import Field
from torch import optim

from thalweg.core.registry import optimizer
from thalweg.optimizers._fused_adam import FusedAdam
from thalweg.optimizers._implementation import DecayingSettings, Parameters, may_fuse


class AdagradSettings(DecayingSettings):
    """Settings of Adagrad."""

    rate: float = Field(0.01, gt=0.0, json_schema_extra={"scale": "log"}, description="base learning rate, before the schedule")
    epsilon: float = Field(1e-10, gt=0.0, description="keeps the division finite")


@optimizer("adagrad", settings=AdagradSettings, elementwise=True, paper="Duchi et al. 2011, JMLR 12:2121-2159")
def adagrad(parameters: Parameters, settings: AdagradSettings) -> optim.Optimizer:
    """Moves by w <- w - rate g / (sqrt(sum of all g^2) + epsilon)."""
    return optim.Adagrad(
        parameters,
        lr=settings.rate,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        fused=may_fuse(parameters),
    )


class AdadeltaSettings(DecayingSettings):
    """Settings of Adadelta."""

    rate: float = Field(1.0, gt=0.0, json_schema_extra={"scale": "log"}, description="base learning rate, before the schedule")
    smoothing: float = Field(0.9, gt=0.0, lt=1.0, description="rho: weight of the past in both running averages")
    epsilon: float = Field(1e-6, gt=0.0, description="starts the first steps and keeps the division finite")


@optimizer("adadelta", settings=AdadeltaSettings, elementwise=True, paper="Zeiler 2012, arXiv:1212.5701, algorithm 1")
def adadelta(parameters: Parameters, settings: AdadeltaSettings) -> optim.Optimizer:
    """Moves by w <- w - rate g RMS(past steps) / RMS(past gradients)."""
    return optim.Adadelta(
        parameters,
        lr=settings.rate,
        rho=settings.smoothing,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        foreach=True,
    )


class RmspropSettings(DecayingSettings):
    """Settings of RMSprop."""

    smoothing: float = Field(0.9, gt=0.0, lt=1.0, description="weight of the past in the running average of squares")
    epsilon: float = Field(1e-8, gt=0.0, description="keeps the division finite")


@optimizer("rmsprop", settings=RmspropSettings, elementwise=True, paper="Tieleman & Hinton 2012, Coursera lecture 6.5")
def rmsprop(parameters: Parameters, settings: RmspropSettings) -> optim.Optimizer:
    """Moves by w <- w - rate g / (sqrt(running average of g^2) + epsilon)."""
    return optim.RMSprop(
        parameters,
        lr=settings.rate,
        alpha=settings.smoothing,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        foreach=True,
    )


class AdamSettings(DecayingSettings):
    """Settings of Adam."""

    beta1: float = Field(0.9, ge=0.0, lt=1.0, description="weight of the past in the running average of gradients")
    beta2: float = Field(0.999, gt=0.0, lt=1.0, description="weight of the past in the running average of squares")
    epsilon: float = Field(1e-8, gt=0.0, description="keeps the division finite")


class AdamWSettings(AdamSettings):
    """Settings of AdamW."""

    weight_decay: float = Field(
        0.01, ge=0.0, json_schema_extra={"scale": "log"}, description="share of every weight taken off per unit of rate"
    )


@optimizer("adam", settings=AdamSettings, elementwise=True, paper="Kingma & Ba 2015, arXiv:1412.6980, algorithm 1")
def adam(parameters: Parameters, settings: AdamSettings) -> optim.Optimizer | FusedAdam:
    """Moves by w <- w - rate m / (sqrt(v) + epsilon), with m and v the unbiased running averages of g and g^2."""
    return _adam(parameters, settings, decoupled=False)


@optimizer("adamw", settings=AdamWSettings, elementwise=True, paper="Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2")
def adamw(parameters: Parameters, settings: AdamWSettings) -> optim.Optimizer | FusedAdam:
    """Adam with the decay taken off the weights directly: w <- (1 - rate weight_decay) w - rate m / (sqrt(v) + epsilon)."""
    return _adam(parameters, settings, decoupled=True)


def _adam(parameters: Parameters, settings: AdamSettings, *, decoupled: bool) -> optim.Optimizer | FusedAdam:
    betas = settings.beta1, settings.beta2
    if may_fuse(parameters):
        return FusedAdam(
            parameters,
            rate=settings.rate,
            betas=betas,
            epsilon=settings.epsilon,
            weight_decay=settings.weight_decay,
            decoupled=decoupled,
        )
    return optim.Adam(
        parameters,
        lr=settings.rate,
        betas=betas,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        decoupled_weight_decay=decoupled,
    )
