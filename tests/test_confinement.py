"""Addresses from outside lead only where the settings say."""

from pathlib import Path

import pytest

from tasks.catalog.brief import CampaignBrief
from tasks.confinement import DEPLOYED_ROOTS, confine, confined, list_catalogues, roots_of
from tasks.errors import ConfigurationError
from tasks.settings import PROJECT, Settings


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("s3://shop/night/goods.csv", True),
        ("s3://shop/night", True),
        ("s3://shop/nightly-secrets/goods.csv", False),
        ("s3://shop/night/../other/goods.csv", False),
        ("s3://other/night/goods.csv", False),
        ("/etc/passwd.csv", False),
        ("{root}/goods.csv", True),
        ("{root}/../goods.csv", False),
        ("{root}/link/goods.csv", False),
    ],
)
def test_addresses_are_confined_to_the_roots(address: str, allowed: bool, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    address, roots = address.replace("{root}", str(root)), ("s3://shop/night/", str(root))
    if allowed:
        assert confine(address, roots) == address
    else:
        with pytest.raises(ConfigurationError, match="SHANGXIN_CATALOG_ROOTS"):
            confine(address, roots)


def test_a_command_line_reaches_everything_until_roots_are_named_and_a_deployment_never_does(tmp_path: Path) -> None:
    assert roots_of(Settings(inbox="/drops"), deployed=False) == ()
    assert roots_of(Settings(inbox="/drops"), deployed=True) == (*DEPLOYED_ROOTS, "/drops")
    named = Settings(catalog_roots=("s3://shop/",))
    assert roots_of(named, deployed=True) == roots_of(named, deployed=False) == ("s3://shop/",)
    assert confine("/etc/passwd", ()) == "/etc/passwd"


@pytest.mark.parametrize("catalog", ["../secrets.csv", "/etc/passwd", "sample/../../pyproject.toml"])
def test_a_deployments_brief_reads_nothing_outside_of_catalogs(catalog: str) -> None:
    roots = roots_of(Settings(), deployed=True)
    with pytest.raises(ConfigurationError, match="lies outside"):
        confined(CampaignBrief(catalog=catalog), roots)
    with pytest.raises(ConfigurationError, match="lies outside"):
        confined(CampaignBrief(catalog="sample/products.csv", copy_file=catalog), roots)


def test_names_are_looked_for_in_each_folder_among_the_roots(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("sku,title,image\n", encoding="utf-8")
    roots = (*DEPLOYED_ROOTS, str(tmp_path))
    sample = PROJECT / "catalogs" / "sample" / "products.csv"
    assert confined(CampaignBrief(catalog="sample/products.csv"), roots).catalog == str(sample)
    assert confined(CampaignBrief(catalog="own.csv"), roots).catalog == str(tmp_path / "own.csv")
    assert confined(CampaignBrief(catalog="s3://any/a.csv"), roots).catalog == "s3://any/a.csv"
    brief = CampaignBrief(catalog="a.csv", copy_file="copy.csv")
    inside = confined(brief, ("s3://shop/inbox/",))
    assert (inside.catalog, inside.copy_file) == ("s3://shop/inbox/a.csv", "s3://shop/inbox/copy.csv")


def test_the_form_lists_catalogues_and_not_what_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "b.csv").touch()
    assert "sample/products.csv" in list_catalogues(Settings(inbox=str(tmp_path)))
    assert list_catalogues(Settings(catalog_roots=(str(tmp_path), "s3://shop/"))) == ["a.csv", "inbox/b.csv"]
    assert list_catalogues(Settings(catalog_roots=("s3://shop/",))) == []
