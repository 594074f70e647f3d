"""Keras layers that begin as torch's do: weights and biases uniform within one over the root of the fan-in."""

from typing import Any


def dense(units: int, fan_in: int, activation: str | None = None) -> Any:
    """A dense layer."""
    import keras

    return keras.layers.Dense(units, activation=activation, **_beginning(fan_in))


def convolution(maps: int, channels: int, kernel: int, *, padding: str, activation: str | None = None) -> Any:
    """A convolution with biases."""
    import keras

    beginning = _beginning(channels * kernel**2)
    return keras.layers.Conv2D(maps, kernel, padding=padding, activation=activation, **beginning)


def _beginning(fan_in: int) -> dict[str, Any]:
    from keras.initializers import RandomUniform

    end = fan_in**-0.5
    return {"kernel_initializer": RandomUniform(-end, end), "bias_initializer": RandomUniform(-end, end)}
