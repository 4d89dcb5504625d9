"""Does a reference picture make a campaign look like one? Spread of colour and of embeddings, with and without it.

`python -m tests.bench.bench_consistency [products] [scenes]` (default 3 and 3) on kolors-nano. Lower is more alike. The
figures are what the shipped draft model gives; an adapter that learned nothing shows a ratio of 1.
"""

import hashlib
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from tasks.prompts.library import Library, load_library
from tasks.rendering.engine import KolorsRenderer, open_renderer
from tasks.rendering.job import ReferenceUse
from tasks.rendering.modelset import find_model_set
from tasks.rendering.picture import to_lab
from tasks.rendering.recipe import recipe_of
from tasks.rendering.renderer import Pixels, Rendered, RenderRequest

ROOT = Path(__file__).parents[2]
PRODUCTS = ("mug.png", "thermos.jpg", "tea-tin.png", "toy.png", "perfume.png")
SCENES = ("wood-morning", "spring-garden", "pastel-studio", "autumn-tea", "concrete-loft")
SCALES = (0.0, 0.5, 1.0)


def main() -> None:
    """One line a scale: spread of mean background colour (L*a*b*) and mean cosine distance of image embeddings."""
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    products, scenes = (numbers + [3, 3][len(numbers) :])[:2]
    torch.set_num_threads(1)
    renderer: Any = open_renderer("kolors-nano")
    library = load_library(ROOT / "templates")
    reference = dusk()
    base: tuple[float, float] | None = None
    print(f"{products} products x {scenes} scenes, kolors-nano, reference: a picture of warm dusk; lower is more alike")
    for scale in SCALES:
        requests = requests_for(library, PRODUCTS[:products], SCENES[:scenes], reference, scale=scale)
        done = [one for one in renderer.render(requests) if isinstance(one, Rendered)]
        assert len(done) == len(requests)
        spread, distance = colour_spread(done), embedding_distance(renderer, done)
        base = base or (spread, distance)
        toward = _distance_to(reference, done)
        print(
            f"  scale {scale:.1f}: colour spread {spread:5.1f} ({spread / base[0]:.2f} x), embedding distance "
            f"{distance:.4f} ({distance / base[1]:.2f} x), mean colour {toward:5.1f} from the reference's"
        )


def colour_spread(done: list[Rendered]) -> float:
    """Root mean square distance of the backgrounds' mean L*a*b* colours from their common mean."""
    means = np.array([_background_colour(one) for one in done])
    return float(np.sqrt(np.square(means - means.mean(axis=0)).sum(axis=1).mean()))


def embedding_distance(renderer: KolorsRenderer, done: list[Rendered]) -> float:
    """Mean cosine distance of all pairs of pictures in the model set's own image encoder, products greyed out."""
    vectors = []
    for one in done:
        picture = np.where((one.alpha > 0)[..., None], 128, one.pixels).astype(np.uint8)
        features = renderer._kolors.encode_reference([picture])[1, 0].float().mean(dim=0)
        vectors.append(torch.nn.functional.normalize(features, dim=0))
    return float(np.mean([1 - float(a @ b) for a, b in combinations(vectors, 2)]))


def _background_colour(one: Rendered) -> np.ndarray:
    return to_lab(one.pixels)[one.alpha == 0].mean(axis=0)


def _distance_to(reference: bytes, done: list[Rendered]) -> float:
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(reference, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    wanted = to_lab(picture).reshape(-1, 3).mean(axis=0)
    return float(np.mean([np.linalg.norm(_background_colour(one) - wanted) for one in done]))


def dusk() -> bytes:
    """Dusk: violet above, amber below."""
    share = np.linspace(0, 1, 256)[:, None, None]
    picture = (1 - share) * np.array([92, 60, 130]) + share * np.array([236, 160, 84])
    rgb: Pixels = np.broadcast_to(picture, (256, 256, 3)).astype(np.uint8)
    return bytes(cv2.imencode(".png", rgb[..., ::-1])[1])


def requests_for(
    library: Library, products: tuple[str, ...], scenes: tuple[str, ...], reference: bytes, *, scale: float
) -> list[RenderRequest]:
    found = find_model_set("kolors-nano")
    look = hashlib.sha256(reference).hexdigest()
    requests = []
    for number, name in enumerate(products):
        data = (ROOT / "catalogs/sample/images" / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        for scene_id in scenes:
            scene = library.scene(scene_id)
            parts = library.layers["scene", scene_id].prompt.set
            prompt = "，".join(text for text in parts.values() if "{" not in text)
            recipe = recipe_of(library, scene, model=found.ref, sampler=found.sampler)
            job = recipe.job(prompt=prompt, negative_prompt="", seed=number, product_image=digest)
            job = job.model_copy(update={"reference": ReferenceUse(images=(look,), scale=scale)})
            requests.append(RenderRequest(job, 0, {digest: data, look: reference}))
    return requests


if __name__ == "__main__":
    main()
