"""Colour profiles as cameras and presses embed them, made from published figures."""

import struct

import numpy as np
from PIL import ImageCms

# Colorants adapted to D50 as the vendors' own profiles state them (columns: red, green, blue).
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
ADOBE_GAMMA = 563 / 256


def matrix_profile(colorants: np.ndarray, *, gamma: float | None = None, name: str = "Wide") -> bytes:
    """An sRGB profile with other colorants, and a plain gamma in place of its tone curve."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    columns = {b"rXYZ": 0, b"gXYZ": 1, b"bXYZ": 2}
    for entry in range(count):
        tag, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if tag in columns:
            numbers = np.rint(colorants[:, columns[tag]] * 65536).astype(int)
            struct.pack_into(">3i", data, offset + 8, *numbers)
        if tag in (b"rTRC", b"gTRC", b"bTRC") and gamma is not None:
            curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
            data[offset : offset + size] = curve.ljust(size, b"\0")
        if tag == b"desc":
            named = name[:4].encode("utf-16-be")
            data[offset : offset + size] = data[offset : offset + size].replace("sRGB".encode("utf-16-be"), named)
    return bytes(data)


def from_srgb(colour: tuple[int, int, int], colorants: np.ndarray, *, gamma: float | None = None) -> np.ndarray:
    """The same colour in another space, 0..1: by the formulas of IEC 61966-2-1 and the colorants, not by littleCMS."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    there = np.clip(np.linalg.solve(colorants, SRGB @ linear), 0, 1)
    if gamma is not None:
        return np.asarray(there ** (1 / gamma))
    return np.where(there <= 0.0031308, 12.92 * there, 1.055 * there ** (1 / 2.4) - 0.055)


def lab_to_srgb(lightness: float, a: float, b: float) -> tuple[int, int, int]:
    """The sRGB colour of a CIELAB one as profiles have it (D50; ICC.1:2010, annex A), which must lie inside sRGB."""
    y = (lightness + 16) / 116
    ratios = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(ratios > 6 / 29, ratios**3, 3 * (6 / 29) ** 2 * (ratios - 4 / 29)) * (0.9642, 1.0, 0.8249)
    linear = np.linalg.solve(SRGB, xyz)
    assert ((linear >= 0) & (linear <= 1)).all(), "outside sRGB"
    share = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(share * 255).astype(int).tolist()
    return red, green, blue
