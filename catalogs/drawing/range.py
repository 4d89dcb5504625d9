"""The fourteen products of the sample catalogue: who draws each and how it is photographed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalogs.drawing import bags, home, shoes, skincare, toys, vessels
from catalogs.drawing.studio import Shot


@dataclass(frozen=True)
class Item:
    """A picture's file name, the function that builds the product, and the shot."""

    file: str
    build: Callable[[Path], None]
    shot: Shot


ITEMS = (
    Item("serum.jpg", skincare.serum, Shot((780, 1020), elevation=7, on_white=True, world=0.55)),
    Item("tea-tin.png", vessels.tea_tin, Shot((852, 1020), elevation=12)),
    Item("mug.png", vessels.mug, Shot((1020, 928), elevation=14, azimuth=-14)),
    Item("lipstick.jpg", skincare.lipstick, Shot((928, 1020), elevation=9, on_white=True)),
    Item("thermos.jpg", vessels.thermos, Shot((656, 1020), elevation=7, azimuth=-18, on_white=True)),
    Item("perfume.png", skincare.perfume, Shot((848, 1020), elevation=6, azimuth=12, world=1.0, glass_below=0.31)),
    Item(
        "rice-cooker.jpg",
        home.rice_cooker,
        Shot((1020, 892), elevation=17, azimuth=-20, on_white=True, world=0.3, exposure=-0.35),
    ),
    Item("lamp.png", home.lamp, Shot((784, 1020), elevation=5, azimuth=-12)),
    Item("headphones.png", home.headphones, Shot((972, 1020), elevation=8, azimuth=38)),
    Item("phone-case.png", home.phone_case, Shot((712, 1020), elevation=5, azimuth=26)),
    Item("toy.png", toys.stacker, Shot((712, 1020), elevation=10, azimuth=-10)),
    Item("handbag.png", bags.handbag, Shot((864, 1020), elevation=9, azimuth=22)),
    Item("scarf.jpg", bags.scarf, Shot((1020, 848), elevation=24, azimuth=-24, on_white=True)),
    Item("sneaker.jpg", shoes.sneaker, Shot((1020, 748), elevation=13, azimuth=-16, on_white=True, exposure=-0.15)),
)
