"""Layers by name: the one call each that models make for an activation, a normalisation or a dropout."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from thalweg.core.registry import load, settings_of


def build_activation(name: str, given: Mapping[str, Any] | None = None) -> nn.Module:
    """The activation of that name, a module from tensor to tensor.

    Args:
        given: its settings where they differ from the defaults.
    """
    module: nn.Module = load("activation", name)(settings_of("activation", name, given))
    return module


def build_normalisation(name: str, channels: int, *, dims: int, given: Mapping[str, Any] | None = None) -> nn.Module:
    """The normalisation of that name, called `module(x, mask=None)`.

    Args:
        channels: features that are normalised.
        dims: axes after the channels: 0 for (..., C), 1 for (B, C, T), 2 for (B, C, H, W), 3 for (B, C, D, H, W).
        given: its settings where they differ from the defaults.
    """
    module: nn.Module = load("normalisation", name)(channels, dims=dims, settings=settings_of("normalisation", name, given))
    return module


def build_dropout(name: str, probability: float, given: Mapping[str, Any] | None = None) -> nn.Module:
    """The dropout of that name, a module from tensor to tensor; the identity when nothing is dropped.

    Args:
        probability: share that is dropped in training, in [0, 1).
        given: its further settings where they differ from the defaults.
    """
    settings = settings_of("dropout", name, {**(given or {}), "probability": probability})
    module: nn.Module = load("dropout", name)(settings) if probability > 0 else nn.Identity()
    return module
