"""Draws the sample catalogue's pictures: `python -m catalogs.draw_sample [name ...]`.

Needs what catalogs/drawing/requirements.txt lists.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "sample" / "images"


def draw(file: str, *, scale: float = 1.0, samples: int = 8) -> Image.Image:
    """Build and photograph the product of this picture file; RGBA with straight alpha."""
    from catalogs.drawing import range as collection
    from catalogs.drawing import studio

    item = next(item for item in collection.ITEMS if item.file == file)
    with tempfile.TemporaryDirectory() as folder:
        studio.clear()
        item.build(Path(folder))
        return studio.shoot(item.shot, scale=scale, samples=samples, work=Path(folder))


def main() -> None:
    """Draw the named pictures, or all of them."""
    from catalogs.drawing import film
    from catalogs.drawing.range import ITEMS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="picture files without suffix; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="size against the catalogue's own")
    parser.add_argument("--samples", type=int, default=8, help="light paths a pixel")
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--frames", type=Path, help="keep the undeveloped renders here")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    for item in ITEMS:
        if wanted.names and Path(item.file).stem not in wanted.names:
            continue
        frame = draw(item.file, scale=wanted.scale, samples=wanted.samples)
        if wanted.frames:
            wanted.frames.mkdir(parents=True, exist_ok=True)
            frame.save(wanted.frames / f"{Path(item.file).stem}.png")
        if item.shot.glass_below is not None:
            frame = film.see_through(frame, below=item.shot.glass_below)
        frame = film.smooth_alpha(frame)
        white = item.shot.on_white
        data = film.develop_jpeg(frame, shadow=item.shot.shadow) if white else film.develop_png(frame)
        (wanted.out / item.file).write_bytes(data)
        print(f"{item.file}: {frame.width}x{frame.height}, {len(data) // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
