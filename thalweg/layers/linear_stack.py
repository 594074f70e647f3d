"""A stack of dense layers, each linear -> normalisation -> activation -> dropout: the hidden part of a perceptron.

Letters: B batch, C features.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from thalweg.layers.build import build_activation, build_dropout, build_normalisation


class Dense(nn.Module):
    """Linear -> normalisation -> activation -> dropout."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str = "relu",
        normalisation: str = "none",
        dropout: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.normalisation = build_normalisation(normalisation, outputs, dims=0)
        self.activation = build_activation(activation)
        self.dropout = dropout or nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(..., C) to (..., C'); the mask (...) is True for real positions."""
        return self.dropout(self.activation(self.normalisation(self.linear(x), mask)))


class LinearStack(nn.Module):
    """Dense layers of the given widths, one after the other; `width` is that of its answer.

    Args:
        inputs: features of an input.
        widths: units of each layer; with none the stack is the identity.
        dropout_probability: share of each layer's answers dropped in training, in [0, 1).
    """

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        *,
        activation: str = "relu",
        normalisation: str = "none",
        dropout: str = "plain",
        dropout_probability: float = 0.0,
    ) -> None:
        super().__init__()
        self.width = widths[-1] if widths else inputs
        self.layers = nn.ModuleList(
            Dense(
                given,
                width,
                activation=activation,
                normalisation=normalisation,
                dropout=build_dropout(dropout, dropout_probability),
            )
            for given, width in zip([inputs, *widths], widths, strict=False)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(..., C) to (..., width); the mask (...) is True for real positions."""
        for layer in self.layers:
            x = layer(x, mask)
        return x
