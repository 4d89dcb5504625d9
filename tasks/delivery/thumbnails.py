"""Small pictures for contact sheets, and data addresses to carry them inside a page."""

import base64
import io

from PIL import Image

KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


def make_thumbnail(picture: bytes, *, side: int = 360, quality: int = 76) -> bytes:
    """WebP of at most `side` pixels along the longer side. OSError where the picture does not open."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=1.4)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=quality, method=4)
        return buffer.getvalue()


def data_address(picture: bytes | None) -> str | None:
    """`data:` address of a JPEG, PNG or WebP; None for anything else, so that nothing but pictures gets in."""
    kind = next((kind for magic, kind in KINDS.items() if picture and picture.startswith(magic)), None)
    if picture is None or kind is None:
        return None
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"
