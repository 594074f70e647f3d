"""Expecting refusals: the code, the exit code, and the form that every refusal has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lint_refusal import assert_sound_refusal
from thalweg.core.errors import Refusal


def assert_well_said(refusal: Refusal) -> None:
    """A refusal as a terminal would show it, in the form that all have; and its facts go into JSON."""
    assert_sound_refusal(refusal.exit_code, str(refusal))
    json.dumps(refusal.as_dict(), allow_nan=False)


@contextmanager
def expect_refusal(code: str, *, exit_code: int) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """What happens within must be refused with this code and exit code, in the form that every refusal has."""
    with pytest.raises(Refusal) as caught:
        yield caught
    assert caught.value.code == code, str(caught.value)
    assert caught.value.exit_code == exit_code, str(caught.value)
    assert_well_said(caught.value)
