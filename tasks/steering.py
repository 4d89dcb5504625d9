"""What sets one take of a job apart from the job as planned: a person's words, or a repair's turns of the screws."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Steering(BaseModel, frozen=True, extra="forbid"):
    """Everything by which a take differs from the planned job, besides its seed. The default changes nothing.

    `seed_of` names the take whose seed this one keeps (None: its own). Before drawing: `words` for and against,
    `control_scale` times the scene's, `keep_ring` px around the product that are not drawn (at the model's size),
    `ground` shares of the frame by which the ground line rises. After drawing, on background pixels alone: `feather`
    times the usual width, `ring_match` and `tone` 0..1, `shadow` 0..1 from the scene's own to a pool under the product.
    """

    by: Literal["", "person", "repair", "candidate"] = ""
    causes: tuple[str, ...] = ()  # what a repair is to mend
    words: str = ""
    seed_of: int | None = Field(default=None, ge=0)
    control_scale: float = Field(default=1.0, ge=0, le=3)
    keep_ring: int = Field(default=0, ge=0, le=128)
    ground: float = Field(default=0.0, ge=-0.5, le=0.5)
    feather: float = Field(default=1.0, ge=1, le=8)
    ring_match: Share = 0.0
    tone: Share = 0.0
    shadow: Share = 0.0

    def as_text(self) -> str:
        """JSON of what is not the default, as the ledger and a master's recipe keep it; empty for none."""
        text = self.model_dump_json(exclude_defaults=True)
        return "" if text == "{}" else text

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls.model_validate_json(text or "{}")

    def drawn_as(self, other: "Steering", *, take: int) -> bool:
        """Whether the model draws this as it drew `other`, the steering of `take`: only what comes after differs."""
        seed = take if other.seed_of is None else other.seed_of
        return self.seed_of == seed and all(getattr(self, name) == getattr(other, name) for name in BEFORE_DRAWING)


BEFORE_DRAWING = ("words", "control_scale", "keep_ring", "ground")
PLAIN = Steering()
