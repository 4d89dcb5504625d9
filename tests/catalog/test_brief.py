"""A brief in a file is the same brief."""

from pathlib import Path

import pytest

from tasks.catalog.brief import CampaignBrief, load_brief
from tasks.errors import ConfigurationError


def brief(folder: Path, text: str) -> Path:
    path = folder / "brief.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_brief_is_read_from_yaml(tmp_path: Path) -> None:
    path = brief(tmp_path, "catalog: s3://shop/春.csv\nscenes: [beach, white]\nvariants: 2\n")
    assert load_brief(path) == CampaignBrief(catalog="s3://shop/春.csv", scenes=("beach", "white"), variants=2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("catalog: [", "not a readable YAML"),
        ("- catalog", "found list"),
        ("", "found NoneType"),
        ("scenes: []", "catalog: Field required"),
        ("catalog: a.csv\ncolour: red", "colour: Extra inputs.*Accepted fields: catalog, scenes"),
        ("catalog: !!python/object/apply:os.system [ls]", "not a readable YAML"),
    ],
)
def test_a_wrong_brief_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load_brief(brief(tmp_path, text))


def test_a_missing_brief_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        load_brief(tmp_path / "none.yaml")
