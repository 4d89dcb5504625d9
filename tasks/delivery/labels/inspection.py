"""What can be read from a picture file without knowing anything about it."""

import io
import struct
import warnings
from typing import Any, Literal

import orjson
from PIL import Image, ImageCms
from pydantic import BaseModel

from tasks.banners.master_png import read_recipe
from tasks.delivery.labels.credentials import Credentials, read_credentials
from tasks.delivery.labels.fields import Labels
from tasks.delivery.labels.files import Container, container_of, digest_picture, read_labels
from tasks.errors import CompositionError, LabelError
from tasks.shapes import Size

# untouched: the coded picture is the one that was labelled; changed: it is another; unknown: no digest to compare with
State = Literal["untouched", "changed", "unknown"]
# What Pillow raises for damaged files (AVIF: RuntimeError).
_BROKEN = (OSError, SyntaxError, ValueError, RuntimeError, struct.error, Image.DecompressionBombError)


class Inspection(BaseModel, frozen=True):
    """A picture file by itself.

    `master` is the recipe of a master, `digest` that of the coded picture as found, `credentials` its C2PA manifest.
    """

    format: Container
    bytes: int
    size: Size
    profile: str
    labels: Labels
    state: State
    digest: str
    master: dict[str, Any] | None = None
    credentials: Credentials | None = None


def inspect_file(data: bytes) -> Inspection:
    """Everything above. Raises LabelError where the file is no picture of ours to read, or is damaged."""
    form = container_of(data)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=[form.upper()]) as picture:
            size, profile = Size(*picture.size), _describe_profile(picture.info.get("icc_profile"))
    except _BROKEN as error:
        raise LabelError(f"{form} of {len(data)} bytes cannot be opened ({error}). Fetch the file again.") from error
    labels, digest = read_labels(data), digest_picture(data)
    kept = labels.picture
    return Inspection(
        format=form,
        bytes=len(data),
        size=size,
        profile=profile,
        labels=labels,
        state="unknown" if not kept.startswith("sha256:") else "untouched" if kept == digest else "changed",
        digest=digest,
        master=_master_recipe(data) if form == "png" else None,
        credentials=read_credentials(data, form),
    )


def _describe_profile(profile: bytes | None) -> str:
    """The embedded colour profile's own name; empty where there is none."""
    if not profile:
        return ""
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (OSError, ImageCms.PyCMSError):
        return "damaged"


def _master_recipe(data: bytes) -> dict[str, Any] | None:
    try:
        text = read_recipe(data)
        recipe = orjson.loads(text) if text else None
    except (CompositionError, ValueError):
        return None
    return recipe if isinstance(recipe, dict) else None
