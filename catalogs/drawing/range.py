"""The fourteen products of the sample catalogue: who draws each and how it is photographed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalogs.drawing import bags, home, skincare, toys, vessels
from catalogs.drawing.studio import Shot


@dataclass(frozen=True)
class Item:
    """A picture's file name, the function that builds the product, and the shot."""

    file: str
    build: Callable[[Path], None]
    shot: Shot


ITEMS = (
    Item("serum.jpg", skincare.serum, Shot((1000, 1300), elevation=7, on_white=True, world=0.55)),
    Item("tea-tin.png", vessels.tea_tin, Shot((1000, 1200), elevation=12)),
    Item("mug.png", vessels.mug, Shot((1200, 1100), elevation=14, azimuth=-14)),
    Item("lipstick.jpg", skincare.lipstick, Shot((1100, 1200), elevation=9, on_white=True)),
    Item("thermos.jpg", vessels.thermos, Shot((900, 1400), elevation=7, azimuth=-18, on_white=True)),
    Item("perfume.png", skincare.perfume, Shot((1000, 1200), elevation=6, azimuth=12, world=1.0, glass_below=0.31)),
    Item("rice-cooker.jpg", home.rice_cooker, Shot((1200, 1050), elevation=17, azimuth=-20, on_white=True)),
    Item("lamp.png", home.lamp, Shot((1000, 1300), elevation=5, azimuth=-12)),
    Item("headphones.png", home.headphones, Shot((1100, 1150), elevation=8, azimuth=38)),
    Item("phone-case.png", home.phone_case, Shot((900, 1300), elevation=5, azimuth=26)),
    Item("toy.png", toys.stacker, Shot((900, 1300), elevation=10, azimuth=-10)),
    Item("handbag.png", bags.handbag, Shot((1100, 1300), elevation=9, azimuth=22)),
    Item("scarf.jpg", bags.scarf, Shot((1200, 1000), elevation=24, azimuth=-24, on_white=True)),
)
