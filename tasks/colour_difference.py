"""CIELAB and the colour difference CIEDE2000."""

import cv2
import numpy as np
from numpy.typing import NDArray

Lab = NDArray[np.float32]  # (count, 3): L 0..100, a, b


def lab(pixels: NDArray[np.uint8]) -> Lab:
    """CIELAB (D65) of sRGB pixels, shape (count, 3)."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[None], np.float32) / 255, cv2.COLOR_RGB2LAB)[0])


def delta_e_2000(first: Lab, second: Lab) -> Lab:
    """CIEDE2000 with unit weights, shape (count,).

    G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula", Color Research & Application 30(1), 2005;
    equation numbers below are theirs.
    """
    (l1, a1, b1), (l2, a2, b2) = first.T.astype(np.float64), second.T.astype(np.float64)
    stretch = _stretch((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0  # a grey has no hue

    turn = (h2 - h1 + 180) % 360 - 180  # (10)
    turn = np.where((h2 - h1 == 180) | (h2 - h1 == -180), h2 - h1, turn)
    d_hue = np.where(grey, 0, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2))  # (11)
    apart = np.abs(h1 - h2) > 180
    hue = np.where(apart, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2, (h1 + h2) / 2)  # (14)
    hue = np.where(grey, h1 + h2, hue)

    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)  # (18)
    s_c = 1 + 0.045 * chroma  # (19)
    s_h = 1 + 0.015 * chroma * _hue_weight(hue)  # (20)
    chroma_7 = _seventh(chroma)
    rotation = -2 * np.sqrt(chroma_7 / (chroma_7 + 25.0**7))  # (17)
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))  # (16, 21)
    d_l, d_c, d_h = (l2 - l1) / s_l, (c2 - c1) / s_c, d_hue / s_h
    squared = d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h  # (22)
    distance: Lab = np.sqrt(np.maximum(squared, 0)).astype(np.float32)
    return distance


def tint_difference(first: Lab, second: Lab) -> Lab:
    """Second less first in a and b as CIEDE2000 weights chroma and hue, all (count, 2); lightness, rotation left out.

    A vector along the axes of a and b, so that differences can be averaged and compared by direction.
    """
    one, two = first.astype(np.float64), second.astype(np.float64)
    chroma = (np.hypot(*one.T) + np.hypot(*two.T)) / 2
    stretch = np.stack([_stretch(chroma), np.ones_like(chroma)], axis=1)
    one, two = one * stretch, two * stretch
    chroma, middle, shift = (np.hypot(*one.T) + np.hypot(*two.T)) / 2, (one + two) / 2, two - one
    hue = np.degrees(np.arctan2(middle[:, 1], middle[:, 0])) % 360
    outwards = middle / np.maximum(np.hypot(*middle.T), 1e-6)[:, None]
    around = np.stack([-outwards[:, 1], outwards[:, 0]], axis=1)
    in_chroma = (shift * outwards).sum(axis=1) / (1 + 0.045 * chroma)
    in_hue = (shift * around).sum(axis=1) / (1 + 0.015 * chroma * _hue_weight(hue))
    return np.asarray(in_chroma[:, None] * outwards + in_hue[:, None] * around, np.float32)


def _stretch(mean_chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 + G, (4): near grey, a counts for more."""
    seventh = _seventh(mean_chroma)
    return np.asarray(1.5 - 0.5 * np.sqrt(seventh / (seventh + 25.0**7)))


def _hue_weight(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """T, (15)."""
    return np.asarray(
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )


def _seventh(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The seventh power; `**` takes ten times as long."""
    third = values * values * values
    return third * third * values
