"""Secrets stay out of what is written: values whose key says that they are one are left out of settings, cards and packages."""

import re
from collections.abc import Mapping
from typing import Any

SECRET = re.compile(r"(^|_)(token|password|passwd|secret|api_?key|credentials?)($|_)", re.IGNORECASE)
LEFT_OUT = "(left out: a secret)"


def redacted(value: Any) -> Any:
    """The same JSON value with secrets left out."""
    if isinstance(value, Mapping):
        return {key: LEFT_OUT if _is_secret(key, one) else redacted(one) for key, one in value.items()}
    return [redacted(one) for one in value] if isinstance(value, list | tuple) else value


def _is_secret(key: Any, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and SECRET.search(str(key)) is not None
