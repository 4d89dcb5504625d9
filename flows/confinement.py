"""Catalogues that a run's parameters may name: those under one folder, and S3 addresses. No other path is opened."""

from pathlib import Path

from tasks.catalog.brief import CampaignBrief
from tasks.errors import ConfigurationError
from tasks.settings import get_settings

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".xlsx", ".parquet")
MOST_LISTED = 50


def confined(brief: CampaignBrief) -> CampaignBrief:
    """The brief with its catalogue found under SHANGXIN_CATALOGS; ConfigurationError where it lies elsewhere."""
    if brief.catalog.startswith("s3://"):
        return brief
    folder = get_settings().catalogs.resolve()
    path = (folder / brief.catalog).resolve()
    if not path.is_relative_to(folder):
        raise ConfigurationError(
            f"catalogue {brief.catalog!r} lies outside {folder}. Put it there, give an s3:// address, or set "
            "SHANGXIN_CATALOGS."
        )
    return brief.model_copy(update={"catalog": str(path)})


def catalogues() -> list[str]:
    """Catalogue files under SHANGXIN_CATALOGS, as the form lists them."""
    folder = get_settings().catalogs
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_catalogue(path))
    return found[:MOST_LISTED]


def _is_catalogue(path: Path) -> bool:
    return path.is_file() and path.name.endswith(SUFFIXES)
