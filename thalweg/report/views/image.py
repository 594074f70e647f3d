"""Images as small PNG pictures inside the page."""

import base64
import io
import os
import re
from typing import Any

import numpy as np
from PIL import Image as Pillow

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

SIDE = 96
"""Longest side of what is kept, in pixels."""
TINY = 40
"""Pictures up to this size are enlarged pixel by pixel."""
ENCODED = re.compile(r"[A-Za-z0-9+/=]*")


@view("image")
class ImageView(View):
    """A picture: a path, a Pillow image, or bytes or floats (H, W), (H, W, C) or (C, H, W)."""

    tile = True
    alone = True
    modality = "image"

    def keep(self, value: Any) -> dict[str, Any]:
        picture = _opened(value)
        picture.thumbnail((SIDE, SIDE))
        written = io.BytesIO()
        picture.save(written, format="PNG", optimize=True)
        data = base64.b64encode(written.getvalue()).decode()
        return {"png": data, "width": picture.width, "height": picture.height}

    def show(self, kept: Any, *, named: str = "") -> str:
        data = kept["png"] if ENCODED.fullmatch(str(kept["png"])) else ""
        small = ' class="small"' if max(int(kept["width"]), int(kept["height"])) <= TINY else ""
        size = f'width="{int(kept["width"])}" height="{int(kept["height"])}" style="height:auto"'
        label = text(named or "picture")
        return f'<img{small} alt="{label}" {size} src="data:image/png;base64,{data}">'

    @staticmethod
    def example() -> np.ndarray:
        return np.arange(64, dtype=np.uint8).reshape(8, 8)


def _opened(value: Any) -> Pillow.Image:
    if isinstance(value, Pillow.Image):
        return value.convert("RGB")
    if isinstance(value, str | os.PathLike):
        with Pillow.open(value) as opened:
            return opened.convert("RGB")
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        array = array[:, :, 0]
    return Pillow.fromarray(array if array.dtype == np.uint8 else _bytes(array))


def _bytes(array: np.ndarray) -> np.ndarray:
    """Any numbers stretched to 0 to 255."""
    values = np.nan_to_num(array.astype(np.float64))
    low, span = values.min(), (values.max() - values.min()) or 1.0
    return ((values - low) / span * 255).round().astype(np.uint8)
