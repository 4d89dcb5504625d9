from pathlib import Path

import pytest

from tasks.banners.masters import SHARP, Background, MasterPlan, can_serve, plan_masters
from tasks.banners.placement import load_placements, select_placements
from tasks.shapes import Size

SHIPPED = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")


def plan(*names: str, background: Background = "generated", most: int = 1) -> MasterPlan:
    return plan_masters(select_placements(SHIPPED, names), background=background, most=most)


def test_one_usual_master_serves_the_default_placements_and_says_what_it_lacks() -> None:
    made = plan()
    assert made.sizes == (Size(1024, 1024),)
    assert set(made.lacking) == {"wechat-cover"}
    assert made.saved == len(made.served) - 1 == 5


def test_a_second_master_is_the_one_that_covers_the_rest() -> None:
    made = plan(most=2)
    assert made.sizes[0] == Size(1024, 1024)
    assert made.served["wechat-cover"] == made.sizes[1]
    assert made.sizes[1].ratio == pytest.approx(900 / 383, rel=0.1)
    assert not made.lacking
    assert made.served["taobao-main"] == Size(1024, 1024)


def test_no_more_masters_than_needed() -> None:
    assert plan("taobao", most=8).sizes == (Size(1024, 1024),)
    assert len(plan(most=8).sizes) == 2


def test_one_more_placement_never_asks_for_the_usual_master_anew() -> None:
    before, after = plan("taobao", most=2), plan("taobao", "wechat-cover", most=2)
    assert set(before.sizes) < set(after.sizes)


def test_tall_placements_alone_get_a_tall_master_large_enough_for_them() -> None:
    (size,) = plan("meta-story", "dv360-360x640").sizes
    assert size.ratio < 0.75
    assert 2560 / size.height <= SHARP * 1.05


def test_sizes_are_multiples_of_64_about_the_models_area() -> None:
    for size in plan("all", most=8).sizes:
        assert size.width % 64 == size.height % 64 == 0
        assert 0.7 * 2**20 < size.width * size.height < 2.6 * 2**20


def test_white_scenes_have_no_edges_and_grow_for_large_placements() -> None:
    assert plan(background="white", most=8).sizes == (Size(1024, 1024),)
    assert plan("amazon-main", background="white").sizes == (Size(2048, 2048),)
    assert plan("amazon-main").sizes == (Size(1024, 1024),)
    assert not can_serve(SHIPPED["amazon-main"], "generated")
    assert not can_serve(SHIPPED["google-logo-wide"], "white")


def test_strips_are_layouts_and_ask_for_no_master_of_their_own() -> None:
    assert plan("google-728x90", "taobao-main", most=4).sizes == (Size(1024, 1024),)
