"""Where an address given from outside may lead: one rule and one setting, SHANGXIN_CATALOG_ROOTS.

Roots are folders and `s3://` prefixes for catalogues, their pictures and copy files. Where none is named, a command
line may name any address: whoever types it has the machine anyway. The parameters of a deployment's runs come from
whoever reaches Prefect: for those there are always roots, DEPLOYED_ROOTS where none is named. A brief that was dropped
into an inbox leads nowhere but into the inbox.
"""

from collections.abc import Sequence
from pathlib import Path

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.source import SUFFIXES
from tasks.errors import ConfigurationError
from tasks.settings import PROJECT, Settings
from tasks.storage.open import is_s3

ANY_BUCKET = "s3://"
DEPLOYED_ROOTS = (str(PROJECT / "catalogs"), ANY_BUCKET)
MOST_LISTED = 50


def roots_of(settings: Settings, *, deployed: bool) -> tuple[str, ...]:
    """The roots in force, the inbox among them; none where any address will do."""
    roots = settings.catalog_roots or (DEPLOYED_ROOTS if deployed else ())
    return (*roots, *filter(None, [settings.inbox])) if roots else ()


def confine(address: str, roots: Sequence[str]) -> str:
    """The address itself where it lies under one of the roots, or where there are none; else ConfigurationError.

    Folders are compared after links and `..` are resolved; an `s3://` address may hold no `.` or `..` component.
    """
    if not roots or any(_is_under(address, root) for root in roots):
        return address
    raise ConfigurationError(
        f"{address}: lies outside of what may be read here. Expected an address under {', '.join(roots)}. "
        "Put the file there, or name its folder or s3:// prefix in SHANGXIN_CATALOG_ROOTS."
    )


def confined(brief: CampaignBrief, roots: Sequence[str]) -> CampaignBrief:
    """The brief with its files found under the roots, relative names among them; ConfigurationError where one lies
    elsewhere."""
    files = {"catalog": brief.catalog, "copy_file": brief.copy_file}
    return brief.model_copy(update={name: _found(given, roots) for name, given in files.items() if given})


def list_catalogues(settings: Settings) -> list[str]:
    """Catalogue files under the folders among the roots, as a run's parameters may name them; not what is dropped."""
    found = (
        path.relative_to(folder).as_posix()
        for folder in _folders(settings.catalog_roots or DEPLOYED_ROOTS)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name.casefold().endswith(SUFFIXES)
    )
    return list(dict.fromkeys(found))[:MOST_LISTED]


def _found(name: str, roots: Sequence[str]) -> str:
    if is_s3(name) or Path(name).is_absolute():
        return confine(name, roots)
    folders = _folders(roots)
    places = [folder / name for folder in folders if (folder / name).is_file()] or [folder / name for folder in folders]
    if places:
        return confine(str(places[0].resolve()), roots)
    return confine(f"{roots[0].rstrip('/')}/{name}" if roots else name, roots)


def _folders(roots: Sequence[str]) -> list[Path]:
    return [Path(root).resolve() for root in roots if not is_s3(root)]


def _is_under(address: str, root: str) -> bool:
    if is_s3(address) or is_s3(root):
        inside = root == ANY_BUCKET or address == root.rstrip("/") or address.startswith(root.rstrip("/") + "/")
        return is_s3(address) and is_s3(root) and inside and not {".", ".."} & set(address.split("/"))
    return Path(address).resolve().is_relative_to(Path(root).resolve())
