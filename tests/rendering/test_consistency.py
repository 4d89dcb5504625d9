"""A brand's reference makes the pictures of one SKU look like one campaign, by the measure of bench_consistency."""

import pytest

from tasks.prompts.library import load_library
from tasks.rendering.engine import KolorsRenderer, open_renderer
from tasks.rendering.renderer import Rendered
from tests.bench.bench_consistency import ROOT, SCENES, _reference, _requests, colour_spread, embedding_distance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("one_thread")]


def test_one_sku_across_scenes_is_more_alike_with_a_brands_reference() -> None:
    renderer = open_renderer("kolors-nano", device="cpu")
    assert isinstance(renderer, KolorsRenderer)
    library = load_library(ROOT / "templates")
    spread, distance = {}, {}
    for scale in (0.0, 1.0):
        requests = _requests(library, ("mug.png",), SCENES, _reference(), scale=scale)
        done = [one for one in renderer.render(requests) if isinstance(one, Rendered)]
        assert len(done) == len(SCENES)
        spread[scale], distance[scale] = colour_spread(done), embedding_distance(renderer, done)
    assert spread[1.0] < 0.9 * spread[0.0], (spread, distance)
    assert distance[1.0] < 0.9 * distance[0.0], (spread, distance)
