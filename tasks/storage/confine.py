"""Where an address given from outside may lead: only under the roots that the settings name."""

from collections.abc import Sequence
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.storage.open import is_s3


def confine(address: str, roots: Sequence[str]) -> str:
    """The address itself where it lies under one of the roots, or where there are none; else ConfigurationError.

    Folders are compared after links and `..` are resolved; an `s3://` address may hold no `.` or `..` component.
    """
    if not roots or any(_is_under(address, root) for root in roots):
        return address
    raise ConfigurationError(
        f"{address}: lies outside of what may be read here. Expected an address under {', '.join(roots)} "
        "(SHANGXIN_CATALOG_ROOTS)."
    )


def _is_under(address: str, root: str) -> bool:
    if is_s3(address) or is_s3(root):
        parts = address.split("/")
        inside = address == root.rstrip("/") or address.startswith(root.rstrip("/") + "/")
        return is_s3(address) and is_s3(root) and inside and not {".", ".."} & set(parts)
    return Path(address).resolve().is_relative_to(Path(root).resolve())
