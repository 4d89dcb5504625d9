"""A brand's reference and the look of one SKU across its scenes, by the measures of bench_consistency."""

import pytest

from tasks.prompts.library import load_library
from tasks.rendering.engine import KolorsRenderer, open_renderer
from tasks.rendering.renderer import Rendered
from tests.bench.bench_consistency import (
    ROOT,
    SCENES,
    colour_spread,
    dusk,
    embedding_distance,
    requests_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def renderer() -> KolorsRenderer:
    found = open_renderer("kolors-nano", device="cpu")
    assert isinstance(found, KolorsRenderer)
    return found


@pytest.fixture(scope="module")
def drawn(renderer: KolorsRenderer) -> dict[float, list[Rendered]]:
    """One SKU in five scenes without and with the reference, by its scale."""
    library, pictures = load_library(ROOT / "templates"), {}
    for scale in (0.0, 1.0):
        requests = requests_for(library, ("mug.png",), SCENES, dusk(), scale=scale)
        pictures[scale] = [one for one in renderer.render(requests) if isinstance(one, Rendered)]
        assert len(pictures[scale]) == len(SCENES)
    return pictures


def test_embeddings_of_one_sku_lie_closer_together_with_a_brands_reference(
    renderer: KolorsRenderer, drawn: dict[float, list[Rendered]]
) -> None:
    assert embedding_distance(renderer, drawn[1.0]) < 0.9 * embedding_distance(renderer, drawn[0.0])


def test_colours_of_one_sku_lie_closer_together_with_a_brands_reference(drawn: dict[float, list[Rendered]]) -> None:
    assert colour_spread(drawn[1.0]) < colour_spread(drawn[0.0])
