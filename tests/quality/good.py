"""Good pictures to plant defects into: drawn ones and real renders of the built-in draft model, afresh by seed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.catalog.brief import CampaignBrief
from tasks.planning import plan_batches
from tasks.quality.evidence import Evidence
from tasks.rendering.job import PlannedJob, Shadow, derive_seed
from tasks.rendering.picture import to_linear, to_srgb
from tasks.rendering.renderer import Rendered, RenderRequest
from tasks.rendering.shadow import shade, shadow_map
from tasks.review import evidence_of
from tasks.settings import Settings
from tasks.workplace import Workplace
from tests.quality import pictures

CATALOG = Path(__file__).parents[2] / "catalogs" / "sample" / "products.csv"
LIGHTS = (300.0, 315.0, 330.0, 30.0, 45.0, 60.0)
BEFORE_LIGHT = 0.02  # linear light below which a shadow cannot be taken away again


class Good(NamedTuple):
    """A clean picture with the shadow that was laid on it."""

    name: str
    evidence: Evidence
    shadow: Shadow | None
    ground: float | None

    def with_shadow(self, shadow: Shadow | None) -> NDArray[np.uint8]:
        """The picture with another shadow, or none; product pixels stay."""
        alpha, pixels = self.evidence.alpha, self.evidence.pixels
        if self.shadow is not None:
            kept = 1.0 - shadow_map(alpha, self.shadow, ground=self.ground)
            light = to_linear(pixels) / np.maximum(kept, BEFORE_LIGHT)[..., None]
            pixels = np.rint(to_srgb(light.clip(0, 1))).astype(np.uint8)
        if shadow is not None:
            pixels = shade(pixels, alpha, shadow, ground=self.ground)
        share = (alpha.astype(np.float32) / 255)[..., None]
        return pictures.to_pixels(pixels * (1 - share) + self.evidence.expected * share)


def drawn(seed: int, *, side: int = 1024) -> Good:
    """One drawn picture: scene, product, its size and place, light and softness all from the seed."""
    dice = np.random.default_rng([seed, 77])
    scene, product = str(dice.choice(list(pictures.SCENES))), str(dice.choice(list(pictures.PRODUCTS)))
    draft = bool(dice.random() < 0.5)
    generator = np.random.default_rng([seed, 78])
    paint = pictures.SCENES[scene]
    behind = pictures.drafted(paint, generator, side) if draft else paint(generator, side)
    placed = _placed(pictures.PRODUCTS[product](side, generator), dice)
    light = float(dice.choice(LIGHTS))
    shadow = Shadow(
        contact=dice.uniform(0.45, 0.65),
        cast=dice.uniform(0.18, 0.4),
        direction=light,
        softness=dice.uniform(0.4, 0.65),
    )
    alpha = pictures.to_pixels(placed.alpha * 255)
    shaded = shade(pictures.to_pixels(behind), alpha, shadow, ground=0.6).astype(np.float32)
    evidence = pictures.assemble(shaded, placed, raw=pictures.repainted(behind, placed, generator))
    name = f"{'soft ' if draft else ''}{scene} {product} {seed}"
    return Good(name, replace(evidence, light=light, encoded=None), shadow, 0.6)


def _placed(product: pictures.Drawn, dice: np.random.Generator) -> pictures.Drawn:
    """Smaller or larger and moved, its foot still on the ground."""
    side = len(product.alpha)
    scale = dice.uniform(0.75, 1.1)
    across, down = side * (0.5 - 0.5 * scale + dice.uniform(-0.08, 0.08)), side * (0.82 - 0.82 * scale)
    move = np.array([[scale, 0, across], [0, scale, down + side * dice.uniform(-0.02, 0.05)]], np.float32)
    colours = cv2.warpAffine(product.colours, move, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return pictures.Drawn(np.asarray(colours), np.asarray(cv2.warpAffine(product.alpha, move, (side, side))))


def rendered(count: int, *, seed: int, folder: Path) -> Iterator[Good]:
    """So many renders of the sample catalogue, product and scene drawn by the seed, each with noise of its own."""
    workplace = Workplace(Settings(out=folder))
    brief = CampaignBrief(catalog=str(CATALOG))
    planned = [entry for batch in plan_batches(workplace, brief, print) for entry in batch]
    entries = [entry for entry in planned if entry.job.background == "generated"]
    order = np.random.default_rng([seed, 79]).permutation(len(entries))
    images, renderer = workplace.images(brief.catalog), workplace.renderer(brief.model)
    for number in range(count):
        entry = entries[int(order[number % len(entries)])]
        request = _request(entry, images.read(entry.image), salt=f"{seed} {number}")
        for outcome in renderer.render([request]):
            if not isinstance(outcome, Rendered):
                raise AssertionError(f"{entry.sku} in {entry.scene}: {outcome.reason}")
            job = outcome.request.job
            evidence = replace(evidence_of(outcome, encoded=b""), encoded=None)
            yield Good(f"{entry.sku} {entry.scene}", evidence, job.shadow, job.staging.ground)


def _request(entry: PlannedJob, data: bytes, *, salt: str) -> RenderRequest:
    job = entry.job.model_copy(update={"seed": derive_seed(str(entry.job.seed), salt)})
    return RenderRequest(job, 0, {job.product_image: data})
