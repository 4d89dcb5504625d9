"""Which layer and file each piece of a prompt came from."""

from typing import NamedTuple

from tasks.prompts.expand import Expander
from tasks.prompts.library import Library
from tasks.prompts.parts import JOINT, Polarity
from tasks.prompts.row import Goods
from tasks.prompts.scene import Scene
from tasks.prompts.stack import stack_of


class Part(NamedTuple):
    """One layer's contribution to one part, as it stands in the prompt."""

    layer: str  # such as: scene "marble-bathroom"
    file: str
    part: str
    text: str
    polarity: Polarity


def explain(library: Library, product: Goods, scene: Scene, *, brand: str = "") -> tuple[Part, ...]:
    """The pieces of both prompts in order; joined they are exactly what `expand` gives. Empty pieces are left out."""
    expander = Expander(library, stack_of(library, product, scene, brand=brand))
    pieces = ((segment, expander.render_segment(segment, product)) for segment in expander.segments)
    return tuple(
        Part(str(segment.layer), segment.layer.file, segment.part, text, segment.polarity)
        for segment, text in pieces
        if text
    )


def joined(parts: tuple[Part, ...], polarity: Polarity) -> str:
    return JOINT.join(part.text for part in parts if part.polarity == polarity)
