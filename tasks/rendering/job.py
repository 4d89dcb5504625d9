"""One image to make, complete: whatever changes a pixel is a field here, and nothing else is."""

import hashlib
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, Field

from tasks.shapes import Size

# Raised whenever the same job would come out with other pixels because our own code changed.
RECIPE = 3

Share = Annotated[float, Field(ge=0, le=1)]
Centimetres = Annotated[float, Field(gt=0, le=10_000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """Base of the job's parts."""


class ModelRef(Frozen):
    """Which weights, exactly."""

    name: str
    revision: str
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


class Sampler(Frozen):
    """How the noise is taken away. `preset` names an entry of the sampler table in `tasks.rendering.presets`.

    The others make steps cheaper: `cache_interval` n runs the inner blocks in every n-th step only, guidance acts in
    the steps between `guidance_start` and `guidance_end` (shares of all), `control_half` lets controls act on the pass
    with the prompt alone.
    """

    preset: str = "dpm-25"
    steps: int = Field(default=25, ge=1, le=200)
    guidance_scale: float = Field(default=5.0, ge=0, le=30)
    cache_interval: int = Field(default=1, ge=1, le=8)
    guidance_start: Share = 0.0
    guidance_end: Share = 1.0
    control_half: bool = False


class Staging(Frozen):
    """How the product stands on the canvas.

    `anchor` is where the middle of the product's base (its lowest edge) goes, as shares of the frame; `share` is the
    share of the frame that the product's box may take along its tighter side; `ground` is the height of the line
    where the ground meets the wall (share of the frame from the top), None where there is no ground.

    `frame_cm` is how many centimetres the frame's height shows where the product stands; products whose real size is
    known then come out at that scale instead of `share`. `spacing` is the room between neighbours of one picture as a
    share of the narrower one's width; below 0 they overlap by as much, the SKU's own picture in front.
    """

    mode: Literal["automatic", "anchor", "coordinates", "padding", "original"] = "automatic"
    anchor: tuple[Share, Share] = (0.5, 0.84)
    share: Share = 0.6
    ground: Share | None = 0.66
    frame_cm: Centimetres | None = None
    spacing: float = Field(default=0.12, ge=-0.4, le=1)


class RealSize(Frozen):
    """A product's real size, as far as the catalogue tells. The height decides where both are known."""

    height_cm: Centimetres | None = None
    width_cm: Centimetres | None = None


class Companion(Frozen):
    """One more product in the same picture: its own picture, cut out, placed, shaded and pasted like the first."""

    image: Digest
    real: RealSize | None = None


class Shadow(Frozen):
    """Shadow on background pixels only. `direction` is where the light comes from, degrees clockwise from the top."""

    contact: Share = 0.55
    cast: Share = 0.25
    direction: float = Field(default=315.0, ge=0, lt=360)
    softness: Share = 0.5


class Reflection(Frozen):
    """The product mirrored in a glossy surface, on background pixels only.

    `length` is how far down it can be seen, in product heights; `blur` how matt the surface is, 0 a mirror.
    """

    strength: Share = 0.3
    length: Share = 0.4
    blur: Share = 0.3


class Harmony(Frozen):
    """How far the ring beside the product is moved towards the colours that the model drew the product in.

    The model sees the product and draws its light and tint; where it drew it too warm, the ground beside it is too
    warm. `reach` is the ring's width as a share of the frame. The product's own pixels are never touched.
    """

    strength: Share = 0.4
    reach: Share = 0.06


class Person(Frozen):
    """One person's 18 keypoints in OpenPose's order (COCO), as shares of the frame; None where one is not seen."""

    keypoints: tuple[tuple[Share, Share] | None, ...] = Field(min_length=18, max_length=18)


class CutOutModel(Frozen):
    """The segmentation model that cuts out what has neither alpha nor a plain ground."""

    name: str
    revision: str


class DepthModel(Frozen):
    """The depth model that gives products their relief in the depth control."""

    name: str
    revision: str


class ControlUse(Frozen):
    """One ControlNet and how hard it steers. Names as in diffusers.

    `relief` is how much of the product's own depth a depth control shows, as a share of all nearness; it takes a depth
    model. 0, the default: a product is as flat as a card, and stands on an explicit ground either way.
    """

    kind: Literal["canny", "depth", "pose"]
    controlnet_conditioning_scale: float = Field(default=0.6, ge=0, le=2)
    control_guidance_start: Share = 0.0
    control_guidance_end: Share = 0.9
    relief: float = Field(default=0.0, ge=0, le=0.5)


class ReferenceUse(Frozen):
    """IP-Adapter reference pictures by digest, and how much they count. Scale 0 is off."""

    images: tuple[Digest, ...]
    scale: float = Field(default=0.5, ge=0, le=2)


class RenderJob(Frozen):
    """One image to make. Equal jobs have equal `job_id`s, on any machine and in any campaign."""

    recipe: int = RECIPE
    model: ModelRef
    prompt: str
    negative_prompt: str = ""
    seed: int = Field(ge=0, lt=2**63, description="Seed of take 0; later takes derive from it.")
    width: int = Field(ge=64, le=4096, multiple_of=64)
    height: int = Field(ge=64, le=4096, multiple_of=64)
    sampler: Sampler = Sampler()
    background: Literal["generated", "white"] = "generated"
    product_image: Digest
    product_size: RealSize | None = Field(default=None, description="Where it decides how large the product is drawn.")
    companions: tuple[Companion, ...] = ()
    cutout: CutOutModel | None = None
    depth: DepthModel | None = Field(default=None, description="Where a control asks for relief.")
    staging: Staging = Staging()
    shadow: Shadow | None = Shadow()
    reflection: Reflection | None = None
    harmony: Harmony | None = None
    controls: tuple[ControlUse, ...] = ()
    people: tuple[Person, ...] = ()
    reference: ReferenceUse | None = None

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8. The job's identity is the digest of these bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def job_id(self) -> str:
        return job_digest(self.canonical())


def canonical_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def job_digest(canonical: bytes) -> str:
    """First 20 hex digits (80 bits) of SHA-256: at 10 million jobs a chance collision is below 1e-10."""
    return hashlib.sha256(canonical).hexdigest()[:20]


def derive_seed(*parts: str) -> int:
    """63-bit seed from words, the same on every machine. Words are length-prefixed, so ("ab","c") != ("a","bc")."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def take_seed(seed: int, take: int) -> int:
    """Seed of the n-th take of a job; take 0 is the job's own seed."""
    return seed if take == 0 else derive_seed(str(seed), "take", str(take))


class PlannedJob(NamedTuple):
    """A job as the planner streams it: identity, address and canonical JSON, cheap to make by the million."""

    job_id: str
    sku: str
    scene: str
    variant: int
    spec: bytes  # RenderJob.canonical(); RenderJob.model_validate_json(spec) gives the job back
    image: str  # the product picture's reference in the catalogue
    line: int  # the catalogue line it came from
    product: bytes = b"{}"  # canonical JSON of what people read of the product; changes no pixel of a master

    @property
    def job(self) -> RenderJob:
        return RenderJob.model_validate_json(self.spec)
