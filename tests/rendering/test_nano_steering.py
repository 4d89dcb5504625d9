"""What control and reference pictures do to the shipped draft set, measured through the renderer's own pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.rendering.nano.recipes import compose_scene
from tasks.rendering.nano.sample import PROMPTS
from tasks.rendering.nano.scenery import draw_front, draw_set
from tasks.rendering.nano.studio import SIDE, Studio, edges_of, ground_plane, open_studio, scene_picture
from tasks.rendering.renderer import Pixels
from tests.rendering.steered import changed, edge_overlap, frame, horizon, palette_distance

GROUNDS = (0.5, 0.74)
NEUTRAL = "电商产品摄影，台面留白"
REFERENCES = ("festive-red", "city-night", "spring-garden", "autumn-tea")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def studio() -> Studio:
    return open_studio()


def test_measures_find_what_was_drawn() -> None:
    picture = np.full((SIDE, SIDE, 3), 220, np.uint8)
    picture[150:] = (90, 60, 40)
    assert horizon(picture) == pytest.approx(150 / SIDE, abs=0.01)
    other = picture.copy()
    other[150:200] = 220
    assert changed(picture, other) == pytest.approx((150 / SIDE, 200 / SIDE), abs=0.01)
    edges = np.zeros_like(picture)
    edges[150] = 255
    assert edge_overlap(picture, edges) > 0.7
    assert edge_overlap(np.ascontiguousarray(picture.transpose(1, 0, 2)), edges) < 0.1


def test_a_frame_is_found_where_one_was_drawn() -> None:
    picture = np.full((SIDE, SIDE, 3), 220, np.uint8)
    assert frame(picture) == (0, 0)
    picture[:3], picture[-3:], picture[:, :3], picture[:, -3:] = 210, 210, 210, 210
    assert frame(picture) == pytest.approx((10, 10), abs=1)


@pytest.mark.parametrize("scene", ["pastel-studio", "marble-bathroom"])
def test_pictures_have_no_frame_of_the_nets_own(studio: Studio, scene: str) -> None:
    sides, corners = frame(studio.draw(studio.condition(PROMPTS[scene], 1, steps=6)))
    assert sides < 1.5
    assert corners < 5


def test_a_drawn_gardens_horizon_is_where_its_ground_begins() -> None:
    """What the test of the depth control stands on: in scenes with window bars some bar is steeper than the horizon."""
    off = []
    for seed in range(20):
        rng = np.random.default_rng([seed, 9])
        scene = compose_scene(rng, "spring-garden")
        drawn = draw_front(scene, rng, draw_set(scene, rng, height=SIDE, width=SIDE))
        off.append(horizon(np.asarray(np.clip(drawn, 0, 1) * 255, np.uint8)) - scene.edge)
    assert (np.abs(off) < 0.06).sum() >= 19


def grounded(studio: Studio, prompt: str, seed: int) -> tuple[Pixels, Pixels]:
    """With the ground beginning high and low."""
    condition = studio.condition(prompt, seed)
    high, low = (studio.draw(studio.controlled(condition, "depth", ground_plane(line))) for line in GROUNDS)
    return high, low


def test_horizon_follows_the_depth_control(studio: Studio) -> None:
    high, low = grounded(studio, PROMPTS["spring-garden"], seed=0)
    assert horizon(low) - horizon(high) > 0.12


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_horizon_follows_the_depth_control_on_nearly_every_seed(studio: Studio) -> None:
    prompt = PROMPTS["spring-garden"]
    found = np.array([[horizon(one) for one in grounded(studio, prompt, seed)] for seed in range(300, 320)])
    assert (np.diff(found, axis=1) > 0.12).sum() >= 19
    assert np.abs(found.mean(0) - GROUNDS).max() < 0.04


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pictures_with_two_grounds_are_one_above_the_higher_and_two_below(studio: Studio) -> None:
    begins = [changed(*grounded(studio, PROMPTS["festive-red"], seed))[0] for seed in range(300, 320)]
    assert (np.abs(np.array(begins) - GROUNDS[0]) < 0.04).sum() >= 19


def outlined_scene(seed: int) -> Pixels:
    """Edges of a drawn scene that has some: a bare wall says nothing."""
    drawn = (edges_of(scene_picture("pastel-studio", 100 * seed + n)) for n in range(100))
    return next(edges for edges in drawn if (edges[..., 0] > 0).sum() > SIDE)


def overlaps(studio: Studio, seed: int) -> tuple[float, float]:
    """Edge IoU without and with the control picture."""
    edges = outlined_scene(seed)
    condition = studio.condition(NEUTRAL, seed)
    steered = studio.controlled(condition, "canny", edges)
    return edge_overlap(studio.draw(condition), edges), edge_overlap(studio.draw(steered), edges)


def test_edges_follow_the_canny_control(studio: Studio) -> None:
    off, on = np.mean([overlaps(studio, seed) for seed in (1, 2)], axis=0)
    assert on > 2 * off


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_edges_follow_the_canny_control_on_many_seeds(studio: Studio) -> None:
    found = np.array([overlaps(studio, seed) for seed in range(400, 420)])
    assert found[:, 1].mean() > 4 * found[:, 0].mean()
    assert (found[:, 1] > found[:, 0]).sum() >= 19


def approach(studio: Studio, recipe: str, seed: int) -> float:
    """How much of the way to the reference's palette the reference moves the picture, 0 none .. 1 all."""
    reference = scene_picture(recipe, seed)
    condition = studio.condition(NEUTRAL, seed)
    before = palette_distance(studio.draw(condition), reference)
    after = palette_distance(studio.draw(studio.referred(condition, [reference])), reference)
    return 1 - after / before


@pytest.mark.parametrize("recipe", REFERENCES)
def test_palette_moves_towards_the_reference(studio: Studio, recipe: str) -> None:
    assert approach(studio, recipe, seed=1) > 0.4


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("recipe", REFERENCES)
def test_palette_moves_towards_the_reference_on_nearly_every_seed(studio: Studio, recipe: str) -> None:
    assert sum(approach(studio, recipe, seed) > 0 for seed in range(500, 520)) >= 19


def test_several_references_meet_between_each_other(studio: Studio) -> None:
    red, blue = scene_picture("festive-red", 1), scene_picture("city-night", 1)
    condition = studio.condition(NEUTRAL, 1)
    alone, both = studio.draw(studio.referred(condition, [red])), studio.draw(studio.referred(condition, [red, blue]))
    assert palette_distance(both, blue) < palette_distance(alone, blue)


@pytest.mark.parametrize("kind", ["canny", "depth"])
def test_control_at_scale_zero_is_off_bit_for_bit(studio: Studio, kind: str) -> None:
    condition = studio.condition(NEUTRAL, steps=3)
    off, zero, on = (
        studio.draw(one)
        for one in (
            condition,
            studio.controlled(condition, kind, ground_plane(0.6), scale=0.0),
            studio.controlled(condition, kind, ground_plane(0.6), scale=1.0),
        )
    )
    assert np.array_equal(off, zero)
    assert not np.array_equal(off, on)


def test_reference_at_scale_zero_is_off_bit_for_bit(studio: Studio) -> None:
    condition = studio.condition(NEUTRAL, steps=3)
    steered = studio.referred(condition, [scene_picture("festive-red", 1)])
    off = studio.draw(condition)
    assert np.array_equal(off, studio.draw(replace(steered, reference_scale=0.0)))
    assert not np.array_equal(off, studio.draw(steered))
