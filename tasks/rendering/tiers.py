"""How much of a model set stays on the card. Free of torch: bytes in, a decision out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tasks.errors import CardTooSmall
from tasks.rendering.checkpoints.check import read_tensors
from tasks.rendering.checkpoints.files import weight_files
from tasks.rendering.checkpoints.names import BASE, CONTROLS, INPAINTING, IP_ADAPTER, IP_ADAPTER_FILE, VISION_FILE
from tasks.rendering.checkpoints.table import published_sets
from tasks.rendering.modelset import ModelSet

TierName = Literal["resident", "encode-then-release", "quantised"]
NUMBER_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}

# Estimates until measured on a card: one picture of 1024x1024 with guidance while denoised or decoded, one prompt
# while encoded, and the driver's context with what fragmentation wastes.
PICTURE_BYTES = 2_300_000_000
PROMPT_BYTES = 500_000_000
RESERVE_BYTES = 900_000_000
PICTURE_SIDE = 1024  # px, of PICTURE_BYTES; memory goes with the area

INT8_SHARE = 0.53  # of the encoder's bytes: linear layers halved, embeddings as they are
COMFORT = 2  # pictures at once that must still fit beside a resident text encoder, else its room is better used
MOST = 4  # pictures at once; more gain nothing at 1024x1024


@dataclass(frozen=True)
class SetFacts:
    """Bytes on the card: the text encoder, everything else that a job may use, and one picture in the making."""

    text_encoder: int
    rest: int
    picture: int = PICTURE_BYTES


@dataclass(frozen=True)
class Tier:
    """What was chosen. `peak` in bytes for `batch` pictures at once; `reason` is for people."""

    name: TierName
    batch: int
    peak: int
    reason: str

    @property
    def releases(self) -> bool:
        """Whether the text encoder leaves the card before anything is drawn."""
        return self.name != "resident"


def choose_tier(card_bytes: int, facts: SetFacts) -> Tier:
    """The tier that suits a card. Raises CardTooSmall where none does.

    For Kolors in bf16 with one ControlNet and the IP-Adapter, in GB: text encoder 12.49; the rest 9.48 = UNet 5.16 +
    ControlNet 2.53 + IP-Adapter 1.01 + CLIP vision 0.61 + VAE 0.17; a picture 2.3, a prompt 0.5, reserve 0.9
    (estimates). Each further ControlNet adds 2.53.

    - resident: 12.49 + 9.48 + 2 x 2.3 + 0.9 = 27.5, a 32 GB card and up; nothing is ever moved;
    - encode-then-release: a chunk's prompts first, max(12.49 + 0.5, 9.48 + 2.3) + 0.9 = 13.9, cards of 16 and 24 GB;
    - quantised: the same with the encoder in int8, max(6.62 + 0.5, 9.48 + 2.3) + 0.9 = 12.7, a card of 12 GiB (12.88).
      Its embeddings differ slightly, so they are kept apart from the others'.
    """
    usable = card_bytes - RESERVE_BYTES
    together = facts.text_encoder + facts.rest
    if together + COMFORT * facts.picture <= usable:
        return _tier("resident", card_bytes, facts, held=together, encoding=together + PROMPT_BYTES)
    phases: tuple[tuple[TierName, int], ...] = (
        ("encode-then-release", facts.text_encoder),
        ("quantised", round(facts.text_encoder * INT8_SHARE)),
    )
    for name, encoder in phases:
        if max(encoder + PROMPT_BYTES, facts.rest + facts.picture) <= usable:
            return _tier(name, card_bytes, facts, held=facts.rest, encoding=encoder + PROMPT_BYTES)
    need = max(round(facts.text_encoder * INT8_SHARE) + PROMPT_BYTES, facts.rest + facts.picture) + RESERVE_BYTES
    raise CardTooSmall(
        f"the card has {_gb(card_bytes)}; this model set needs {_gb(need)} even with its text encoder quantised and "
        f"released: use fewer ControlNets or smaller pictures, a larger card, or the draft set kolors-nano"
    )


def set_facts(found: ModelSet, *, controls: int = 1, side: int | None = None) -> SetFacts:
    """A set's bytes at its own precision, read from headers; `controls` ControlNets at once, pictures of side² px."""
    number = NUMBER_BYTES[found.precision]
    base, adapter = found.repository(BASE), found.repository(IP_ADAPTER)
    inpainting = found.repository(INPAINTING) / "unet"
    own_unet = inpainting.is_dir()
    diffusion = "diffusion_pytorch_model"
    rest = _elements_of(inpainting if own_unet else base / "unet", diffusion, variant=None if own_unet else "fp16")
    rest += _elements_of(base / "vae", diffusion, variant="fp16")
    nets = [found.repository(folder) for folder in CONTROLS.values() if found.repository(folder).is_dir()]
    if nets:
        rest += min(controls, len(nets)) * _elements_of(nets[0], diffusion, variant=None)
    if adapter.is_dir():
        rest += _adapter_elements(found, adapter)
    pixels = ((side or found.native_size) / PICTURE_SIDE) ** 2
    text = _elements_of(base / "text_encoder", "model", variant="fp16")
    return SetFacts(text_encoder=text * number, rest=rest * number, picture=round(PICTURE_BYTES * pixels))


def _tier(name: TierName, card_bytes: int, facts: SetFacts, *, held: int, encoding: int) -> Tier:
    fitting = (card_bytes - RESERVE_BYTES - held) // max(facts.picture, 1)
    batch = max(1, min(MOST, fitting))
    peak = max(held + batch * facts.picture, encoding) + RESERVE_BYTES
    reason = f"{_gb(card_bytes)} card: text encoder {name}, {batch} at a time, {_gb(peak)} at the most"
    return Tier(name=name, batch=batch, peak=peak, reason=reason)


def _adapter_elements(found: ModelSet, adapter: Path) -> int:
    """From headers; where a pickle is not converted yet, from the table."""
    published = published_sets().get(found.published)
    parts = published.repository(IP_ADAPTER).components if published else ()
    expected: dict[str, int] = {part.kind: part.elements or 0 for part in parts}
    files = {"ip_adapter": adapter / IP_ADAPTER_FILE, "image_encoder": adapter / "image_encoder" / VISION_FILE}
    return sum(
        sum(info.elements for info in read_tensors([path]).values()) if path.is_file() else expected.get(kind, 0)
        for kind, path in files.items()
    )


def _elements_of(folder: Path, stem: str, *, variant: str | None) -> int:
    files = weight_files(folder, stem, variant=variant)
    return sum(info.elements for info in read_tensors(files).values())


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
