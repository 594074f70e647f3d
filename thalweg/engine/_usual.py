"""What programs that take the steps of backpropagation have in common: the rule does nothing else in a step."""

from collections.abc import Sequence
from typing import TypeGuard

from torch import nn

from thalweg.engine._flat_adam import FlatAdam
from thalweg.optimizers._descent import Descent
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation

WHOLE = "float32", "float64"
"""Precisions in which products are taken in the type of the weights."""
OR_ROUNDED = *WHOLE, "bfloat16"
"""Those of programs that round what products read as well."""


def usual(rule: Rule, *, most_weights: int, precisions: Sequence[str] = WHOLE) -> TypeGuard[Backpropagation]:
    """Whether a step is forward, loss, backward, Adam and averages, all of the weights learn, and on this process alone.

    Args:
        precisions: those in which the program takes products.
    """
    if type(rule) is not Backpropagation:
        return False
    settings, descent = rule.settings, rule.descent
    plain = rule.parts == 1 and settings.layer_decay == 1 and not (settings.l1 or settings.l2)
    alone = rule.context.processes.world == 1 and rule.context.precision in precisions
    moved, held = (sum(one.numel() for one in several) for several in (descent.parameters, rule.model.parameters()))
    adam = type(descent) is Descent and FlatAdam.fits(descent.optimizer)
    return plain and alone and moved == held <= most_weights and adam


def altered(module: nn.Module) -> bool:
    """Somebody hooked himself in, or put another `forward` in the place of the class's own."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or "forward" in vars(module)
