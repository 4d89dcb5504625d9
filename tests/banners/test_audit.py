import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.banners.audit import Audit, audit_picture, stale_rules
from tasks.banners.placement import load_placements
from tasks.shapes import Box
from tests.banners.drawn import draw_master

SHIPPED = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")


def jpeg(*, side: int = 800, scene: str = "white", mode: str = "RGB", quality: int = 100) -> bytes:
    master = draw_master(scene, width=side, height=side, share=0.95)  # type: ignore[arg-type]
    buffer = io.BytesIO()
    Image.fromarray(master.pixels).convert(mode).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def results(audit: Audit) -> dict[str, str]:
    return {line.check: line.result for line in audit.lines}


def test_a_white_square_passes_taobaos_white_slot_and_says_what_nobody_measured() -> None:
    audit = audit_picture(jpeg(), SHIPPED["taobao-white"], name="a.jpg")

    found = results(audit)
    assert audit.result == "pass", found
    assert (found["text"], found["shadow"]) == ("not measured", "not measured")
    assert found["white"] == found["size"] == found["bytes-floor"] == found["min-product"] == "pass"


@pytest.mark.parametrize(
    ("check", "placement", "picture", "name", "expected"),
    [
        ("size", "taobao-white", {"side": 700}, "a.jpg", "warn"),
        ("white", "taobao-white", {"scene": "marble"}, "a.jpg", "warn"),
        ("bytes-ceiling", "google-300x600", {"side": 1000, "scene": "table"}, "a.jpg", "fail"),
        ("size", "google-300x600", {}, "a.jpg", "fail"),
        ("ratio", "kuaishou-3x4", {}, "a.jpg", "note"),
        ("extension", "taobao-main", {}, "a.png", "warn"),
        ("colour", "taobao-main", {"mode": "CMYK"}, "a.jpg", "warn"),
    ],
)
def test_each_broken_rule_is_named_and_weighed_by_its_grade(
    check: str, placement: str, picture: dict[str, object], name: str, expected: str
) -> None:
    audit = audit_picture(jpeg(**picture), SHIPPED[placement], name=name)  # type: ignore[arg-type]
    assert results(audit)[check] == expected
    assert audit.result == ("pass" if expected == "note" else expected)


def test_text_beside_the_product_is_told_from_what_is_printed_on_it() -> None:
    placement = SHIPPED["taobao-white"]

    def text(*lines: Box) -> str:
        return results(audit_picture(jpeg(), placement, read_text=lambda _: list(lines)))["text"]

    assert text() == "pass"
    assert text(Box(380, 500, 420, 520)) == "pass"
    assert text(Box(380, 500, 420, 520), Box(20, 20, 120, 40)) == "warn"
    scene = audit_picture(jpeg(scene="table"), SHIPPED["tiktok-shop"], read_text=lambda _: [Box(380, 500, 420, 520)])
    assert results(scene)["text"] == "note"


def test_an_animation_and_a_broken_file_do_not_pass() -> None:
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.full((250, 300, 3), shade, np.uint8)) for shade in (10, 200)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert results(audit_picture(buffer.getvalue(), SHIPPED["google-300x250"]))["still"] == "warn"

    broken = audit_picture(jpeg()[:2000], SHIPPED["taobao-main"])
    assert broken.result == "fail"
    assert [line.check for line in broken.lines] == ["decodes"]


def test_rules_grow_stale_by_the_month() -> None:
    assert stale_rules(SHIPPED, today=date(2027, 5, 22), months=6) == []
    stale = stale_rules(SHIPPED, today=date(2027, 5, 23), months=6)
    assert len(stale) == len(SHIPPED)
    assert {each.months for each in stale} == {6}
