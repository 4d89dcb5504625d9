from pathlib import Path

import pytest
import yaml

from tasks.errors import TemplateError
from tasks.quality.thresholds import CHECKS, load_thresholds

SHIPPED = Path(__file__).parents[2] / "templates" / "quality"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "default.yaml").write_text((SHIPPED / "default.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def test_the_shipped_limits_load_and_name_every_check_and_cause_for_people() -> None:
    book = load_thresholds(SHIPPED)

    assert set(book.default.rules) == set(CHECKS)
    assert set(book.check_titles) == set(CHECKS)
    assert {rule.cause for rule in book.default.rules.values()} | {"not_measured"} == set(book.cause_titles)


def test_an_override_changes_its_category_and_scene_only(folder: Path) -> None:
    write(folder / "jewellery.yaml", {"categories": ["珠宝"], "rules": {"coverage_least": {"limit": 0.005}}})
    write(folder / "snow.yaml", {"scenes": ["winter-snow"], "rules": {"clipped_white": {"severity": "off"}}})
    book = load_thresholds(folder)

    assert book.choose("珠宝", "beach").rules["coverage_least"].limit == 0.005
    assert book.choose("珠宝", "beach").rules["coverage_least"].severity == "review"
    assert book.choose("茶", "beach").rules["coverage_least"].limit == book.default.rules["coverage_least"].limit
    assert not book.choose("茶", "winter-snow").is_on("clipped_white")
    assert book.choose("茶", "beach").is_on("clipped_white")


def test_an_override_for_placements_fits_pictures_that_serve_one_of_them(folder: Path) -> None:
    write(folder / "cards.yaml", {"placements": ["taobao-main"], "rules": {"coverage_least": {"limit": 0.2}}})
    book = load_thresholds(folder)

    served = book.choose({"tea", "茶"}, placements=("jd-main", "taobao-main"))
    assert served.rules["coverage_least"].limit == 0.2
    assert book.choose("tea", placements=("jd-main",)).rules["coverage_least"].limit != 0.2
    assert book.choose("tea").rules["coverage_least"].limit != 0.2


def test_of_two_overrides_the_later_file_wins(folder: Path) -> None:
    write(folder / "a.yaml", {"rules": {"seam": {"limit": 4}}})
    write(folder / "b.yaml", {"scenes": ["beach"], "rules": {"seam": {"limit": 5}}})

    assert load_thresholds(folder).choose("", "beach").rules["seam"].limit == 5
    assert load_thresholds(folder).choose("", "wood").rules["seam"].limit == 4


def test_every_finding_carries_value_and_limit() -> None:
    limits = load_thresholds(SHIPPED).choose()
    finding = limits.at_most("seam", 7.123456)

    assert (finding.value, finding.limit) == (7.123, limits.rules["seam"].limit)
    assert (finding.passed, finding.cause) == (False, "seam")


def test_a_tiny_value_is_not_rounded_to_nothing() -> None:
    assert load_thresholds(SHIPPED).choose().at_most("white", 1e-6).value == 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["rules"].pop("seam"), "rules: no limit for seam"),
        (lambda data: data["rules"].update(beauty=data["rules"]["seam"]), "no check is called beauty"),
        (lambda data: data["rules"]["seam"].update(limit="high"), "rules.seam.limit"),
        (lambda data: data["rules"]["seam"].update(severity="fatal"), "rules.seam.severity"),
        (lambda data: data["causes"].pop("seam"), "causes: no title for seam"),
        (lambda data: data.update(extra=1), "extra"),
    ],
)
def test_a_wrong_default_is_refused_by_file_and_field(folder: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    data = yaml.safe_load((folder / "default.yaml").read_text(encoding="utf-8"))
    change(data)
    write(folder / "default.yaml", data)

    with pytest.raises(TemplateError, match=message) as caught:
        load_thresholds(folder)
    assert "default.yaml" in str(caught.value)


def test_an_override_of_an_unknown_check_is_refused(folder: Path) -> None:
    write(folder / "tea.yaml", {"rules": {"taste": {"limit": 1}}})

    with pytest.raises(TemplateError, match=r"tea\.yaml: rules: no check is called taste"):
        load_thresholds(folder)


@pytest.mark.parametrize("content", [b"rules: [", b"\xff\xfe\x00", b""])
def test_an_unreadable_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "default.yaml").write_bytes(content)

    with pytest.raises(TemplateError, match=r"default\.yaml"):
        load_thresholds(folder)


def test_a_missing_default_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="there is no such file"):
        load_thresholds(tmp_path)
