"""Whether this machine's libraries write what placements ask for."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tasks.banners.encode import WRITTEN, Written, encode
from tasks.banners.profile import srgb_profile
from tasks.errors import CompositionError

SIDE, MOST_OFF = 64, 12.0  # px of the trial picture, and mean levels by which it may come back otherwise


def written_formats() -> Iterator[tuple[Written, str]]:
    """Each format with what is wrong with it here, "" where nothing is: a small picture written and read back."""
    ramp = np.linspace(40, 200, SIDE).astype(np.uint8)
    picture = np.stack([np.tile(ramp, (SIDE, 1)), np.tile(ramp[:, None], (1, SIDE)), np.full((SIDE, SIDE), 90)], -1)
    picture = picture.astype(np.uint8)
    for form in WRITTEN:
        yield form, _problem(form, picture)


def _problem(form: Written, picture: np.ndarray) -> str:
    try:
        data = encode(picture, formats=[form]).data
        with Image.open(io.BytesIO(data), formats=[form.upper()]) as file:
            profile, found = file.info.get("icc_profile"), np.asarray(file.convert("RGB"), np.float32)
    except (CompositionError, OSError, ValueError, KeyError) as error:
        return f"cannot be written here ({type(error).__name__}: {error}). Install with -c constraints.txt."
    if profile != srgb_profile():
        return "comes back without its colour profile. Install with -c constraints.txt."
    off = float(np.abs(found - picture).mean())
    return "" if off <= MOST_OFF else f"comes back {off:.0f} levels off. Install with -c constraints.txt."
