"""A sheet of what the shipped set draws, and of what control and reference pictures do to it.

python -m tasks.rendering.nano.sheet --output catalogs/sample/nano.jpg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tasks.rendering.nano.sample import PROMPTS
from tasks.rendering.nano.studio import SHIPPED, Studio, edges_of, ground_plane, open_studio, scene_picture
from tasks.rendering.renderer import Pixels

CELL, GAP, BAR = 176, 6, 22  # px
STEPS = 16
TABLE = "浅色原木桌面，白色背景，柔和的自然光"
NEUTRAL = "电商产品摄影，台面留白"
SCENES = ("festive-red", "summer-beach", "winter-snow", "city-night", "spring-garden", "wood-morning", "kitchen-tile")
LINES = (0.5, 0.62, 0.74)  # ground lines, shares from the top
OUTLINES = ("pastel-studio", "concrete-loft")  # drawn scenes whose edges are followed
REFERENCES = ("festive-red", "city-night")
SCALES = (0.6, 1.0)

Cell = tuple[str, Pixels]


def scene_rows(studio: Studio) -> list[list[Cell]]:
    """The sample scenes' prompts across, two seeds down."""
    return [[(f"{name} {seed}", _draw(studio, PROMPTS[name], seed)) for name in SCENES] for seed in (1, 2)]


def depth_row(studio: Studio) -> list[Cell]:
    condition = studio.condition(TABLE, 3, steps=STEPS)
    row: list[Cell] = [("depth off", studio.draw(condition))]
    for line in LINES:
        plane = ground_plane(line)
        row += [(f"ground {line}", plane), ("depth on", studio.draw(studio.controlled(condition, "depth", plane)))]
    return row


def canny_row(studio: Studio) -> list[Cell]:
    row: list[Cell] = []
    for recipe in OUTLINES:
        edges, condition = edges_of(scene_picture(recipe, 2)), studio.condition(NEUTRAL, 2, steps=STEPS)
        row += [("edges", edges), ("canny off", studio.draw(condition))]
        row += [("canny on", studio.draw(studio.controlled(condition, "canny", edges)))]
    return row


def reference_rows(studio: Studio) -> list[list[Cell]]:
    """Reference, without it, and with it at two scales; two references a row."""
    condition = studio.condition(NEUTRAL, 1, steps=STEPS)
    rows: list[list[Cell]] = [[("reference off", studio.draw(condition))]]
    for recipe in REFERENCES:
        picture = scene_picture(recipe, 1)
        cells: list[Cell] = [("reference", picture)]
        cells += [(f"scale {s}", studio.draw(studio.referred(condition, [picture], scale=s))) for s in SCALES]
        if len(rows[-1]) + len(cells) > len(SCENES):
            rows.append([])
        rows[-1] += cells
    return rows


def _draw(studio: Studio, prompt: str, seed: int) -> Pixels:
    return studio.draw(studio.condition(prompt, seed, steps=STEPS))


def lay_out(rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """Cells in rows, each under its label."""
    across = max(len(row) for row in rows)
    sheet = Image.new("RGB", (GAP + across * (CELL + GAP), GAP + len(rows) * (CELL + BAR + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for down, row in enumerate(rows):
        for number, (label, picture) in enumerate(row):
            left, top = GAP + number * (CELL + GAP), GAP + down * (CELL + BAR + GAP)
            pen.text((left + 2, top + 2), label, fill=(60, 60, 60), font=font)
            sheet.paste(Image.fromarray(np.asarray(picture)).resize((CELL, CELL)), (left, top + BAR))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw a sheet of a draft set's pictures, steered and not.")
    parser.add_argument("--set", type=Path, default=SHIPPED, help="the set's folder")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    studio = open_studio(options.set)
    rows = [*scene_rows(studio), depth_row(studio), canny_row(studio), *reference_rows(studio)]
    lay_out(rows).save(options.output, quality=86)


if __name__ == "__main__":
    main()
