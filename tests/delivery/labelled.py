"""Pictures in every container and labels to put into them."""

import io
from typing import Any

import numpy as np
from PIL import Image

from tasks.banners.profile import srgb_profile
from tasks.delivery.labels import COMPOSITE, Aigc, Credits, FileRecipe, Labels, Origin
from tasks.rendering.job import ModelRef, RenderJob

FORMATS = ("jpeg", "png", "webp", "avif")
HOSTILE = (
    "杯/1 <x:xmpmeta> & ]]> \"'",
    '</rdf:li></dc:creator><TC260:AIGC>{"Label":"0"}</TC260:AIGC>',
    '<?xpacket end="w"?>',
    "\x00\x01\x08\x0b\x1f\x7f\x85",
    "\ufffe\uffff\ud800",
    "a\r\nb\tc  d",
    "𠮷🫖 \u202eltr\u202c",
    "sha256:" + "0" * 64,
    '","Label":"2',
    "\\u0000\\",
    "长" * 300,
)


def draw(width: int = 80, height: int = 64, seed: int = 0) -> Image.Image:
    """Soft colour with grain: every coder has something to do."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, width, dtype=np.float32)[None, :, None]
    grain = random.normal(0, 8, (height, width, 3))
    return Image.fromarray(np.clip(ramp + grain, 0, 255).astype(np.uint8))


def picture(form: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """A file as our encoder writes it: with a colour profile, unless said."""
    buffer = io.BytesIO()
    (image or draw()).save(buffer, form.upper(), **{"icc_profile": srgb_profile(), **options})
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def make_labels(text: str = "青屿") -> Labels:
    """Labels with this text wherever text can stand."""
    recipe = FileRecipe.model_construct(
        job_id="0123456789abcdef0123",
        take=1,
        sku=text,
        scene="wood-morning",
        variant=0,
        placement="google-300x250",
        rule="f" * 16,
        model=ModelRef(name="kolors-nano", revision="abc"),
        seed=2**62,
        product_image="0" * 64,
        generated=True,
        picture="",
    )
    return Labels(
        aigc=Aigc.model_construct(
            label="1",
            content_producer=text,
            produce_id="0123456789abcdef0123-1",
            reserved_code_1="sha256:" + "1" * 64,
            content_propagator="",
            propagate_id="",
            reserved_code_2="",
        ),
        source_type=COMPOSITE,
        creator=text.encode("utf-8", "replace").decode(),
        rights="© 2026 " + text.encode("utf-8", "replace").decode(),
        owner="青屿",
        recipe=recipe,
    )


def make_origin(*, sku: str = "SKU-1", background: str = "generated", take: int = 0) -> Origin:
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"),
        prompt="木桌，晨光",
        seed=7,
        width=256,
        height=256,
        product_image="a" * 64,
        background=background,  # type: ignore[arg-type]
    )
    return Origin(job, job.job_id, take, sku, "wood-morning", 0)


CREDITS = Credits("91330100MA2X", "青屿品牌视觉组", "© 2026 青屿 Qingyu。保留所有权利。", "青屿")
