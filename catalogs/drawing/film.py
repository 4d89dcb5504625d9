"""From a render to a catalogue file: cut out as PNG, or on pure white as JPEG, under a byte limit."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

LIMIT_BYTES = 400_000


def smooth_alpha(frame: Image.Image) -> Image.Image:
    """Calm the alpha at the edges: the denoiser cleans colours and leaves alpha as the few samples made it.

    Colours are spread outwards first, so that the wider edge does not show black.
    """
    pixels = np.asarray(frame.convert("RGBA"), dtype=np.float32) / 255
    color, alpha = pixels[..., :3], pixels[..., 3:]
    weight = cv2.GaussianBlur(alpha, (0, 0), 1.2)[..., None]
    spread = cv2.GaussianBlur(color * alpha, (0, 0), 1.2) / np.maximum(weight, 1e-4)
    calm = cv2.GaussianBlur(alpha, (0, 0), 0.7)[..., None]
    filled = np.where(alpha > 0.99, color, spread)
    return Image.fromarray((np.clip(np.dstack([filled, calm]), 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")


def develop_png(frame: Image.Image) -> bytes:
    """A PNG with alpha under the limit: the lowest colour bits go first, then size; hidden pixels are emptied."""
    side = frame.width
    for bits in (8, 7, 6):
        data = encode_png(frame, bits=bits)
        if len(data) <= LIMIT_BYTES:
            return data
    while len(data) > LIMIT_BYTES:
        side = round(side * 0.95)
        data = encode_png(
            frame.resize((side, round(frame.height * side / frame.width)), Image.Resampling.LANCZOS), bits=7
        )
    return data


def encode_png(frame: Image.Image, *, bits: int) -> bytes:
    """Straight alpha, colour rounded to this many bits a channel."""
    pixels = np.array(frame.convert("RGBA"), dtype=np.int32)
    step = 1 << (8 - bits)
    pixels[..., :3] = np.minimum((pixels[..., :3] + step // 2) // step * step, 255)
    alpha = pixels[..., 3]
    alpha[alpha < 3] = 0
    alpha[alpha > 252] = 255
    pixels[alpha == 0] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8), "RGBA").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def develop_jpeg(frame: Image.Image, *, shadow: float) -> bytes:
    """Product and contact shadow on pure white; the shadow is thinned and let go before it reaches the border."""
    buffer = io.BytesIO()
    on_white(frame, shadow=shadow).save(buffer, "JPEG", quality=92, subsampling=0, optimize=True)
    return buffer.getvalue()


def on_white(frame: Image.Image, *, shadow: float) -> Image.Image:
    """Composite over white. A shadow catcher's pixels are black under partial alpha; the product's are opaque."""
    pixels = np.asarray(frame.convert("RGBA"), dtype=np.float32) / 255
    color, alpha = pixels[..., :3], pixels[..., 3:]
    black = (color.max(axis=2) < 0.02) & (alpha[..., 0] < 0.97)
    is_shadow = cv2.GaussianBlur(black.astype(np.float32), (0, 0), 1.5)[..., None]
    faint = np.clip(alpha - 0.06, 0, 1) * shadow * _fade(alpha.shape[1], alpha.shape[0])
    alpha = faint * is_shadow + alpha * (1 - is_shadow)
    flat = color * alpha + (1 - alpha)
    return Image.fromarray((flat * 255 + 0.5).astype(np.uint8), "RGB")


def _fade(width: int, height: int) -> NDArray[np.float64]:
    """1 well inside, falling smoothly to 0 at a margin of 2 % from the border."""
    x = np.minimum(np.arange(width), np.arange(width)[::-1]) / width
    y = np.minimum(np.arange(height), np.arange(height)[::-1]) / height
    near = np.minimum(x[None, :], y[:, None])[..., None]
    ramp = np.clip((near - 0.02) / 0.2, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def see_through(frame: Image.Image, *, below: float) -> Image.Image:
    """Give clear glass its alpha back: under this share of the height, white light seen through turns transparent.

    Colour to alpha against white: the least alpha that explains the colour, never less than a faint body of glass.
    """
    pixels = np.asarray(frame, dtype=np.float32) / 255
    # the denoiser is unsure behind two layers of glass: what grain it leaves would show twice, in colour and in alpha
    color = cv2.bilateralFilter(np.ascontiguousarray(pixels[..., :3]), 9, 0.1, 4)
    alpha = pixels[..., 3]
    least = np.clip(1 - color.min(axis=2), 0.2, 1)
    start = round(below * len(pixels))
    least[:start] = 1
    rest = 1 - least[..., None]
    clear = np.clip((color - rest) / least[..., None], 0, 1)
    return Image.fromarray((np.dstack([clear, alpha * least]) * 255 + 0.5).astype(np.uint8), "RGBA")
