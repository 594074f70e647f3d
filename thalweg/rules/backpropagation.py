"""Backpropagation: the slope of the objective by reverse-mode differentiation, followed by one descent.

Reference: Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0.
"""

from thalweg.core.registry import rule
from thalweg.rules._gradient import GradientRule, GradientSettings
from thalweg.rules._rule import RuleSettings


class BackpropagationSettings(RuleSettings, GradientSettings):
    """How long, in what batches, by which descent."""


@rule("backpropagation", settings=BackpropagationSettings, gradient=True, paper="Rumelhart et al. 1986, doi:10.1038/323533a0")
class Backpropagation(GradientRule):
    """Forward, loss, backward, update, over batches of the training part."""

    settings: BackpropagationSettings
