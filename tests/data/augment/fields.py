"""Kinds of data that lie in an image, as small as augmentations need them."""

from thalweg.core.registry import Declaration
from thalweg.core.settings import Settings
from thalweg.fields.encoding import Encoding, Encodings
from thalweg.fields.ports import Port


class Plain(Encoding):
    """Tensors as they are, under any kind's name."""

    def __init__(self, name, role, kind, port):
        super().__init__(name, [name], role)
        self.given = port
        self.declaration = Declaration("kind", kind, Settings, {}, {})

    @classmethod
    def example(cls):
        return []

    def fit(self, columns):
        return self

    def encode(self, columns):
        return columns[0]

    def decode(self, tensor):
        return tensor

    @property
    def port(self):
        return self.given

    def state(self):
        return {}

    def restore(self, state):
        return self


def image(name="image", *, channels=3, side=32):
    return Plain(name, "input", "image", Port(name, "image", (channels, side, side)))


def category(name="target", *, size=10):
    return Plain(name, "target", "category", Port(name, "category", (), size=size))


def boxes(name="boxes"):
    return Plain(name, "target", "boxes", Port(name, "boxes", (None, 4), masked=True))


def points(name="points"):
    return Plain(name, "target", "points", Port(name, "points", (None, 2), masked=True))


def mask(name="mask", *, side=32, size=5):
    return Plain(name, "target", "mask", Port(name, "mask", (side, side), size=size))


def number(name="target", *, width=1):
    return Plain(name, "target", "number", Port(name, "numbers", (width,)))


def vector(name="vector", *, width=4):
    return Plain(name, "input", "vector", Port(name, "vector", (width,)))


def classified(*, channels=3, side=32, size=10):
    return Encodings([image(channels=channels, side=side), category(size=size)])
