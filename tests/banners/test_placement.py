from pathlib import Path

import pytest

from tasks.banners.placement import Placement, load_placements, placement_sets, select_placements
from tasks.errors import TemplateError
from tasks.shapes import Box, Size

SHIPPED = Path(__file__).resolve().parents[2] / "templates" / "placements"

ENTRY = """
platform: shop
evidence: {{grade: B, source: "https://example.org/rules", checked: 2026-11-23}}
placements:
  - id: shop-main
    title: {{zh: 主图, en: Main}}
    size: [800, 800]
    formats: [jpeg]
{extra}
"""


def write(folder: Path, extra: str = "", *, name: str = "shop.yaml") -> Path:
    text = ENTRY.format(extra="\n".join(f"    {line}" for line in extra.splitlines()))
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def load_one(folder: Path, extra: str = "") -> Placement:
    return load_placements(write(folder, extra))["shop-main"]


def test_every_shipped_file_loads_and_every_rule_carries_its_evidence() -> None:
    placements = load_placements(SHIPPED)
    assert len(placements) >= 60
    for placement in placements.values():
        assert placement.rules, placement.id
        assert all(rule.checked.year >= 2026 and rule.source for rule in placement.rules.values())


def test_the_default_selection_is_the_shops_bread_and_butter() -> None:
    chosen = {placement.id for placement in select_placements(load_placements(SHIPPED), [])}
    assert chosen == {
        "taobao-main", "taobao-3x4", "taobao-white", "jd-main", "pinduoduo-main", "google-300x250", "google-728x90",
        "wechat-cover", "xiaohongshu-3x4",
    }  # fmt: skip


def test_kilobytes_are_read_strictly_both_ways(tmp_path: Path) -> None:
    placement = load_one(tmp_path, "min_kb: 38\nmax_kb: 300")
    assert (placement.min_bytes, placement.max_bytes) == (38 * 1024 + 1, 300 * 1000 - 1)


def test_a_rule_takes_the_files_evidence_unless_it_has_its_own(tmp_path: Path) -> None:
    placement = load_one(tmp_path, 'max_kb: 300\nmin_kb: {value: 5, grade: A, source: "https://example.org/own"}')
    assert placement.max_kb is not None
    assert placement.min_kb is not None
    assert (placement.max_kb.grade, placement.max_kb.severity) == ("B", "review")
    assert (placement.min_kb.grade, placement.min_kb.severity) == ("A", "reject")
    assert placement.min_kb.source == "https://example.org/own"


def test_lore_leads_to_a_note_and_needs_no_address(tmp_path: Path) -> None:
    placement = load_one(tmp_path, "max_kb: {value: 5, grade: C, source: seller lore}")
    assert placement.max_kb is not None
    assert placement.max_kb.severity == "note"


def test_safe_area_and_gap_become_a_box_and_a_share(tmp_path: Path) -> None:
    placement = load_one(tmp_path, "safe_area: {top: 100, left: 10}\nproduct_gap: 10")
    assert placement.safe_box == Box(10, 100, 800, 800)
    assert placement.least_share == pytest.approx(780 / 800)


def test_the_product_stands_in_what_is_safe_and_in_the_thumbnail(tmp_path: Path) -> None:
    placement = load_one(tmp_path, "safe_area: {top: 100}\nthumbnail: {left: 200, right: 200}")
    assert placement.product_box == Box(200, 100, 600, 800)
    assert placement.thumbnail_box == Box(200, 0, 600, 800)
    assert placement.safe_box == Box(0, 100, 800, 800)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ("min_kb: 300\nmax_kb: 300", "min_kb and max_kb leave no room"),
        ("min_size: [900, 100]", "min_size: 900x100 is larger than size 800x800"),
        ("max_size: [700, 900]", "max_size: 700x900 is smaller"),
        ("min_product: [300, 801]", "min_product"),
        ("safe_area: {left: 400, right: 400}", "safe_area"),
        ("safe_area: {left: 500}\nthumbnail: {right: 300}", "thumbnail"),
        ("background: transparent", "background: transparent, but none of jpeg"),
        ("product_share: 1.0", "touch the frame"),
        ("product_share: 1.5", "product_share.value: found 1.5"),
        ("max_kb: a lot", "max_kb.value: found 'a lot'"),
        ("max_kb: {value: 3, grade: A, source: hearsay}", "needs the address of its source, found 'hearsay'"),
        ("max_kbs: 300", "'max_kbs' is not known. Did you mean max_kb"),
        ("finish: abc", "'finish' is not known"),
        ("background: white\ntext: some", "text.value: found 'some'"),
    ],
)
def test_a_wrong_entry_is_refused_with_file_entry_and_field(tmp_path: Path, extra: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load_one(tmp_path, extra)
    assert "shop.yaml: placement 1 (shop-main)" in str(caught.value)
    assert told in str(caught.value)


def test_what_a_run_does_to_the_files_is_part_of_the_digest(tmp_path: Path) -> None:
    placement = load_one(tmp_path, "max_kb: 300")
    assert placement.model_copy(update={"finish": "labels 1"}).digest != placement.digest


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("placements:\n  - id: shop-main\n    size: [8, 8]\n", encoding="utf-8")
    with pytest.raises(TemplateError, match="title: nothing found"):
        load_placements(tmp_path)


@pytest.mark.parametrize("text", ["- a\n- b\n", "placements: {}\n", "a: [\n", "placements:\n  - just text\n"])
def test_a_file_of_another_shape_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=r"odd\.yaml"):
        load_placements(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no placement files"):
        load_placements(tmp_path)


def test_the_same_id_in_two_files_is_refused_naming_both(tmp_path: Path) -> None:
    write(write(tmp_path), name="twin.yaml")
    with pytest.raises(TemplateError, match=r"twin\.yaml.*shop-main.*shop\.yaml"):
        load_placements(tmp_path)


def test_an_id_that_is_also_a_set_is_refused(tmp_path: Path) -> None:
    (write(tmp_path) / "other.yaml").write_text(
        ENTRY.format(extra="").replace("id: shop-main", "id: shop"), encoding="utf-8"
    )
    with pytest.raises(TemplateError, match="'shop' names both"):
        load_placements(tmp_path)


def test_sets_expand_in_the_order_asked_without_repeats() -> None:
    placements = load_placements(SHIPPED)
    chosen = [placement.id for placement in select_placements(placements, ["taobao-white", "taobao", "taobao-main"])]
    assert chosen == ["taobao-white", "taobao-main", "taobao-3x4", "taobao-long"]
    sets = placement_sets(placements)
    assert set(sets["google"]) > set(sets["google-display"])
    products = [each.id for each in placements.values() if each.subject == "product"]
    assert [each.id for each in select_placements(placements, ["all"])] == products


def test_a_typo_is_answered_with_near_names() -> None:
    with pytest.raises(TemplateError, match=r"'taobao-mian' is not known. Did you mean taobao-main"):
        select_placements(load_placements(SHIPPED), ["taobao-mian"])


def test_sizes_are_width_then_height() -> None:
    assert load_placements(SHIPPED)["google-728x90"].size == Size(728, 90)
