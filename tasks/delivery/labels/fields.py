"""What a delivered file says of itself: the fields of its labels, whatever the file format."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tasks.rendering.job import ModelRef

# IPTC NewsCodes, https://cv.iptc.org/newscodes/digitalsourcetype/ : a real product on a generated background.
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# The same list: everything in the picture comes from a trained model.
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

# What XML 1.0 (section 2.2) cannot hold in any form, and what a JSON text must therefore escape.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def one_line(text: str) -> str:
    """Text that XML gives back as it was: white space runs are one blank, what XML cannot hold is U+FFFD."""
    return " ".join(_NO_XML.sub("\ufffd", text).split())


def json_for_xml(value: Any) -> str:
    """Compact JSON that any XML text can hold: control characters and lone surrogates are escaped, Chinese is not."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


Line = Annotated[str, AfterValidator(one_line)]


class Frozen(BaseModel):
    """Base of the labels' parts. Files of others may carry more than we know."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True)


class Aigc(Frozen):
    """The seven fields of TC260:AIGC (GB 45438-2025; practice guide TC260-PG-20258A).

    `label`: 1 generated, 2 possibly, 3 suspected. The reserved codes guard against tampering: ours is the digest of the
    picture. Propagator fields are for the platform that spreads the file.
    """

    label: str = Field(default="", alias="Label")
    content_producer: str = Field(default="", alias="ContentProducer")
    produce_id: str = Field(default="", alias="ProduceID")
    reserved_code_1: str = Field(default="", alias="ReservedCode1")
    content_propagator: str = Field(default="", alias="ContentPropagator")
    propagate_id: str = Field(default="", alias="PropagateID")
    reserved_code_2: str = Field(default="", alias="ReservedCode2")


class FileRecipe(Frozen):
    """Where a delivered file comes from: enough to find its master and to render it again.

    `seed` is the delivered take's own, `rule` the digest of the placement's rules, `product_image` the SHA-256 of the
    product picture, `generated` whether any pixel comes from a model; `picture` is the digest of the coded picture.
    """

    job_id: str
    take: int
    sku: str
    scene: str
    variant: int
    placement: str
    rule: str
    model: ModelRef
    seed: int
    product_image: str
    generated: bool
    picture: str = ""


class Labels(Frozen):
    """All that we write into a file. `problems` says what of a file's labels could not be understood."""

    aigc: Aigc | None = None
    source_type: Line = ""
    creator: Line = ""
    rights: Line = ""
    owner: Line = ""
    recipe: FileRecipe | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == Labels()

    @property
    def picture(self) -> str:
        """The digest of the coded picture as it was labelled; empty where none was kept."""
        if self.recipe and self.recipe.picture:
            return self.recipe.picture
        return self.aigc.reserved_code_1 if self.aigc else ""

    def with_picture(self, digest: str) -> "Labels":
        """The same labels for that picture, by its digest."""
        aigc = self.aigc and self.aigc.model_copy(update={"reserved_code_1": digest})
        recipe = self.recipe and self.recipe.model_copy(update={"picture": "" if aigc else digest})
        return self.model_copy(update={"aigc": aigc, "recipe": recipe})
