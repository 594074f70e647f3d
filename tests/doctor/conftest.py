"""A talk that keeps what it hears."""

import pytest

from thalweg.core.talk import Talk


class Kept(Talk):
    def __init__(self):
        self.said, self.warned = [], []

    def say(self, label, *lines):
        self.said.append((label, lines))

    def warn(self, text):
        self.warned.append(text)


@pytest.fixture
def talk():
    return Kept()
