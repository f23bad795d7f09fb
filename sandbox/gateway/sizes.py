"""Sizes: how wide and high a picture is to be, in pixels."""

from __future__ import annotations

import math

from sandbox.gateway.requests import DrawingRequest

# Gemini 2.5 Flash Image's own sizes in pixels, from OpenRouter's documentation.
SIZES = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_AREA = 1024 * 1024
_SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}


def size_of(request: DrawingRequest) -> tuple[int, int]:
    """Give the width and height in pixels of what is asked for; an edit keeps its input's form."""
    if request.pixels is not None:
        return request.pixels
    if request.aspect_ratio is None and len(request.inputs) == 1:
        form = max(1 / 4, min(4.0, request.inputs[0].width / request.inputs[0].height))
    elif request.aspect_ratio is None:
        form = 1.5 if request.inputs else 1.0
    else:
        across, down = request.aspect_ratio.split(":")
        form = int(across) / int(down)
    usual = SIZES.get(request.aspect_ratio or "")
    width, height = usual or (round(math.sqrt(_AREA * form)), round(math.sqrt(_AREA / form)))
    scale = _SCALES[request.image_size]
    return round(width * scale), round(height * scale)
