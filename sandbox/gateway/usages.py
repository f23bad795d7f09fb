"""Usage: what an answer says it consumed, in the forms of chat and of the images routes."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.gateway.context import Context
from sandbox.gateway.replies import UsageForm
from sandbox.gateway.shapes import Json

IMAGE_TOKENS = 1290
DOLLARS = 0.039


def chat(form: UsageForm, context: Context, pictures: int, text: str) -> Json:
    """Give the usage of a completion, as the part of a JSON object."""
    words, image = len(text.split()), IMAGE_TOKENS * pictures
    full: Json = {
        "prompt_tokens": context.prompt_tokens,
        "completion_tokens": image + words,
        "total_tokens": context.prompt_tokens + image + words,
        "completion_tokens_details": {
            "image_tokens": image,
            "text_tokens": words,
            "reasoning_tokens": 0,
        },
    }
    return _in_form(form, full, _images(context, image, words), pictures)


def images(form: UsageForm, context: Context, pictures: int) -> Json:
    full = _images(context, IMAGE_TOKENS * pictures, 0)
    return _in_form(form, full, full, pictures)


def _images(context: Context, image: int, words: int) -> Json:
    return {
        "input_tokens": context.prompt_tokens,
        "input_tokens_details": {
            "text_tokens": context.text_tokens,
            "image_tokens": context.image_tokens,
        },
        "output_tokens": image + words,
        "output_tokens_details": {"image_tokens": image, "text_tokens": words},
        "total_tokens": context.prompt_tokens + image + words,
    }


def _in_form(form: UsageForm, full: Json, images_style: Json, pictures: int) -> Json:
    forms: Mapping[UsageForm, Json] = {
        UsageForm.FULL: {"usage": full},
        UsageForm.COST: {"usage": full | {"cost": round(DOLLARS * pictures, 6)}},
        UsageForm.ABSENT: {},
        UsageForm.NULL: {"usage": None},
        UsageForm.NULLS: {"usage": dict.fromkeys(full)},
        UsageForm.ZERO: {"usage": {key: 0 for key in full if not key.endswith("details")}},
        UsageForm.IMAGES: {"usage": images_style},
    }
    return forms[form]
