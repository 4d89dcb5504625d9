"""What is drawn on a picture, as data: from it come the flat file and the layered copy alike."""

from typing import Literal, NamedTuple

from tasks.banners.typography.setting import Align, Block

# Colours by role; a look says which they are. `on` is text on a plate of the accent.
Role = Literal["ink", "accent", "on", "plate", "paper"]


class TextMark(NamedTuple):
    """A block of text whose upper left corner is (x, y)."""

    element: str
    block: Block
    x: float
    y: float
    role: Role
    align: Align = "start"


class PlateMark(NamedTuple):
    """A filled rectangle with round corners; `line` px wide where it is only an outline."""

    element: str
    x: float
    y: float
    width: float
    height: float
    radius: float
    role: Role
    line: float = 0.0


class ImageMark(NamedTuple):
    """A picture with transparency (a brand's logo), scaled into a box."""

    element: str
    path: str
    x: float
    y: float
    width: float
    height: float


Mark = TextMark | PlateMark | ImageMark


def moved(mark: Mark, x: float, y: float) -> Mark:
    """The same mark, farther right and down."""
    return mark._replace(x=mark.x + x, y=mark.y + y)
