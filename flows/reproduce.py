"""`shangxin reproduce`: render a delivered picture's master again from its recipe, and say how far apart they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from rich.console import Console

from tasks.banners.container import PNG_SIGNATURE
from tasks.banners.master_png import decode_master, read_recipe
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import master_key
from tasks.delivery.labels import read_labels
from tasks.errors import CatalogError, ConfigurationError, LabelError, RenderError
from tasks.rendering.job import RenderJob
from tasks.rendering.renderer import Failed, Pixels, RenderRequest
from tasks.rendering.steering import steer
from tasks.steering import Steering
from tasks.storage.base import ObjectStore
from tasks.workplace import Workplace, open_workplace


class Distance(NamedTuple):
    """Between two pictures of one size: share of pixels that differ, largest difference, PSNR in dB (inf: none)."""

    share: float
    largest: int
    psnr: float


def reproduce_here(image: Path, console: Console, *, catalog: str) -> int:
    """Render the master's recipe again and print the distance; 0 where it could be rendered."""
    workplace = open_workplace()
    data, recipe = _read(image, workplace.store)
    job = RenderJob.model_validate_json(orjson.dumps(recipe["job"]))
    here = workplace.model(job.model.name).ref
    if here != job.model:
        raise ConfigurationError(
            f"{image}: was rendered with {job.model.name} {job.model.revision} in {job.model.precision}; here is "
            f"{here.revision}. Put that revision into SHANGXIN_MODELS_DIR."
        )
    pictures = {recipe["image"]: job.product_image}
    pictures |= zip(recipe.get("bundle", ()), (one.image for one in job.companions), strict=False)
    images = {digest: _product(workplace, name, digest, catalog) for name, digest in pictures.items()}
    images |= workplace.reference_pictures(job)
    steering = Steering.model_validate(recipe.get("steering", {}))
    request = RenderRequest(steer(job, steering), recipe["take"], images, steering)
    (outcome,) = workplace.renderer(job.model.name).render([request])
    if isinstance(outcome, Failed):
        raise RenderError(f"{image}: {outcome.reason}")
    found = measure(decode_master(data), outcome.pixels)
    where = f"{recipe['sku']} {recipe['scene']} take {recipe['take']} ({recipe['job_id']})"
    if found.largest == 0:
        console.print(f"[green]逐位一致 Bit for bit the same:[/] {where}", highlight=False)
    else:
        console.print(
            f"[yellow]有差异 Differs:[/] {where}: {found.share:.2%} of the pixels, by {found.largest} of 255 at most, "
            f"PSNR {found.psnr:.1f} dB. Another machine, device or library version draws slightly other pixels.",
            highlight=False,
        )
    return 0


def measure(before: Pixels, after: Pixels) -> Distance:
    """Distance of two pictures; RenderError where their sizes differ."""
    if before.shape != after.shape:
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (before, after)]
        raise RenderError(f"the picture is {sizes[0]}, rendered again it is {sizes[1]}; was it resized since?")
    apart = np.abs(before.astype(np.int16) - after.astype(np.int16))
    squared = float(np.square(apart.astype(np.float64)).mean())
    psnr = float("inf") if squared == 0 else 10 * float(np.log10(255**2 / squared))
    return Distance(float(apart.any(axis=2).mean()), int(apart.max()), psnr)


def _read(image: Path, store: ObjectStore) -> tuple[bytes, dict[str, Any]]:
    """The master's bytes and recipe, from itself or by way of a rendition's labels."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{image}: {error.strerror}. Name a picture that was delivered.") from None
    text = read_recipe(data) if data.startswith(PNG_SIGNATURE) else None
    if text is None:
        data = store.get(_master_of(image, data))
        text = read_recipe(data)
    if text is None:
        raise ConfigurationError(f"{image}: its master carries no recipe. Expected one that this program wrote.")
    return data, orjson.loads(text)


def _master_of(image: Path, data: bytes) -> str:
    """The key of the master that a rendition's labels name."""
    try:
        recipe = read_labels(data).recipe
        if recipe:
            return master_key(recipe.sku, recipe.job_id, recipe.take)
    except (LabelError, ValueError) as error:
        raise ConfigurationError(f"{image}: {error}") from error
    raise ConfigurationError(f"{image}: carries no recipe. Expected a picture that this program wrote.")


def _product(workplace: Workplace, reference: str, digest: str, catalog: str) -> bytes:
    """The product picture's bytes, from the named catalogue or from those of the latest runs."""
    tried = []
    for name in [catalog] if catalog else _catalogues(workplace):
        try:
            images = workplace.images(name)
            if images.digest(reference) == digest:
                return images.read(reference)
            tried.append(f"{name}: {reference} is another picture by now")
        except CatalogError as error:
            tried.append(f"{name}: {error}")
    raise ConfigurationError(
        f"the product picture is not at hand ({'; '.join(tried) or 'no run known'}). Use --catalog."
    )


def _catalogues(workplace: Workplace) -> Iterator[str]:
    seen = set()
    for run in workplace.ledger.runs():
        name = CampaignBrief.model_validate_json(run.brief).catalog
        if name not in seen:
            seen.add(name)
            yield name
