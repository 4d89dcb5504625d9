"""The named parts a prompt is made of, in the order in which they are written, and how they are joined."""

from difflib import get_close_matches
from typing import Literal

Polarity = Literal["prompt", "negative"]

# What surrounds the product comes first: the product itself is pasted in and never described.
PARTS: dict[Polarity, tuple[str, ...]] = {
    "prompt": (
        "surface",
        "setting",
        "light",
        "season",
        "palette",
        "props",
        "subject",
        "camera",
        "mood",
        "quality",
    ),
    "negative": ("text", "product", "people", "support", "scene", "quality"),
}

JOINT = "，"
BREAK = "\x1f"  # stands between two segments until the empty ones are gone; never part of a finished prompt
_LOOSE_ENDS = " \t\r\n，,;；。"


def join_segments(text: str) -> str:
    """Segments between BREAKs joined by a Chinese comma; empty ones and stray punctuation at their ends left out."""
    return JOINT.join([segment for raw in text.split(BREAK) if (segment := raw.strip(_LOOSE_ENDS))])


def suggest(name: str, known: tuple[str, ...]) -> str:
    """The tail of an error message: what is known, and which of it was probably meant."""
    close = get_close_matches(name, known, n=1)
    return f"Known: {', '.join(known) or 'none'}" + (f"; did you mean {close[0]}?" if close else ".")
