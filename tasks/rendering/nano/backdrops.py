"""What stands behind the ground: walls and views over the whole frame, as a wide-open lens throws them out of focus."""

from tasks.rendering.nano.indoors import (
    arches,
    bathroom,
    cement,
    drape,
    gradient,
    halo,
    kitchen,
    lanterns,
    tiled_wall,
    wall,
    window_wall,
)
from tasks.rendering.nano.outdoors import city, garden, sea, snow_forest
from tasks.rendering.nano.view import Backdrop

BACKDROPS: dict[str, Backdrop] = {
    "wall": wall, "halo": halo, "gradient": gradient, "drape": drape, "arches": arches, "tiled_wall": tiled_wall, "bathroom": bathroom,
    "window_wall": window_wall, "sea": sea, "snow_forest": snow_forest, "lanterns": lanterns, "garden": garden, "city": city,
    "cement": cement, "kitchen": kitchen,
}  # fmt: skip
