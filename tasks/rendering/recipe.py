"""A scene's settings as the parts of a job, and the constant bytes around what differs from job to job."""

from typing import Any, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from tasks.errors import TemplateError
from tasks.prompts.layer import LayerKind
from tasks.prompts.library import Library
from tasks.prompts.lint import Problem
from tasks.prompts.parts import suggest
from tasks.prompts.row import Goods
from tasks.prompts.scene import Brand, Scene
from tasks.rendering.estimators import REVIEWED
from tasks.rendering.job import (
    Companion,
    ControlUse,
    CutOutModel,
    DepthModel,
    Harmony,
    ModelRef,
    Person,
    RealSize,
    ReferenceUse,
    Reflection,
    RenderJob,
    Sampler,
    Shadow,
    Staging,
    canonical_json,
)
from tasks.rendering.poses import read_people
from tasks.rendering.presets import PRESETS
from tasks.shapes import Size

Part = TypeVar("Part", bound=BaseModel)
HOLES = (
    "companions",
    "negative_prompt",
    "product_image",
    "product_size",
    "prompt",
    "seed",
)  # in canonical order: sorted by name


class Recipe(NamedTuple):
    """What a scene, a brand and a brief fix for all of their jobs."""

    model: ModelRef
    size: Size
    sampler: Sampler
    background: str
    cutout: CutOutModel | None
    depth: DepthModel | None
    staging: Staging
    shadow: Shadow | None
    reflection: Reflection | None
    harmony: Harmony | None
    controls: tuple[ControlUse, ...]
    people: tuple[Person, ...]
    reference: ReferenceUse | None

    def job(
        self,
        *,
        prompt: str,
        negative_prompt: str,
        seed: int,
        product_image: str,
        product_size: RealSize | None = None,
        companions: tuple[Companion, ...] = (),
    ) -> RenderJob:
        """The job itself: the slow, plain way to what `pieces` serves by the million."""
        fields = self._asdict()
        size = fields.pop("size")
        return RenderJob(
            prompt=prompt,
            negative_prompt=negative_prompt,
            seed=seed,
            product_image=product_image,
            product_size=product_size,
            companions=companions,
            width=size.width,
            height=size.height,
            **fields,
        )

    def pieces(self) -> tuple[bytes, ...]:
        """Canonical JSON of a job cut at the HOLES: seven pieces between which their JSON values go."""
        job = self.job(prompt="", negative_prompt="", seed=0, product_image="0" * 64)
        pieces = [b"{"]
        for name, value in sorted(job.model_dump(mode="json").items()):
            comma = b"," if pieces[-1] != b"{" or len(pieces) > 1 else b""
            pieces[-1] += comma + orjson.dumps(name) + b":"
            if name in HOLES:
                pieces.append(b"")
            else:
                pieces[-1] += canonical_json(value)
        pieces[-1] += b"}"
        return tuple(pieces)


def recipe_of(
    library: Library,
    scene: Scene,
    *,
    model: ModelRef,
    brand: str = "",
    size: Size | None = None,
    sampler: Sampler | None = None,
    cutout: CutOutModel | None = None,
    depth: DepthModel | None = None,
) -> Recipe:
    """The scene's settings, checked; `size` and `sampler` stand in for the scene's where a model needs its own.

    A brand's reference pictures count where the scene has none. TemplateError names the file and the field.
    """
    file = library.layers["scene", scene.id].file
    drawn = scene.background == "generated"
    controls = tuple(_part(ControlUse, use, f"{file}: controls.{n}") for n, use in enumerate(scene.controls))
    return Recipe(
        model=model,
        size=size or scene.size,
        sampler=sampler or _sampler(scene, file),
        background=scene.background,
        cutout=cutout,
        depth=depth if any(use.relief for use in controls) else None,
        staging=_part(Staging, scene.staging, f"{file}: staging"),
        shadow=None if scene.shadow is None else _part(Shadow, _shadow(scene), f"{file}: shadow"),
        reflection=_optional(Reflection, scene.reflection if drawn else None, f"{file}: reflection"),
        harmony=_optional(Harmony, scene.harmony if drawn else None, f"{file}: harmony"),
        controls=controls,
        people=_people(library, scene, file),
        reference=_reference(library, scene, brand),
    )


def assert_relief(recipe: Recipe, scene: Scene) -> None:
    """Raise TemplateError where a scene asks for relief and no depth model is at hand: it would silently be flat."""
    if recipe.depth is None and any(use.relief for use in recipe.controls):
        raise TemplateError(
            f"scene {scene.id!r} asks for relief in its depth control, and no depth model is at hand; put one of "
            f"{', '.join(REVIEWED)} into SHANGXIN_MODELS_DIR, or leave `relief` out"
        )


def size_of(goods: Goods) -> RealSize | None:
    """The product's real size, None where the catalogue tells neither height nor width."""
    if goods.height_cm is None and goods.width_cm is None:
        return None
    return RealSize(height_cm=goods.height_cm, width_cm=goods.width_cm)


def companions_of(goods: Goods) -> tuple[Companion, ...]:
    """What else stands in the product's pictures."""
    return tuple(
        Companion(image=item.image_sha256, real=None if item.height_cm is None else RealSize(height_cm=item.height_cm))
        for item in goods.bundle
    )


def check_recipes(library: Library) -> list[Problem]:
    """Every scene whose settings no renderer would take, by file and field."""
    problems = []
    for scene in library.scenes.values():
        try:
            recipe_of(library, scene, model=ModelRef(name="any", revision="any"))
        except TemplateError as error:
            file = library.layers["scene", scene.id].file
            problems.append(Problem(file, "", str(error).removeprefix(f"{file}: ")))
    return problems


def _shadow(scene: Scene) -> dict[str, Any]:
    return {"direction": scene.light, **(scene.shadow or {})}


def _sampler(scene: Scene, file: str) -> Sampler:
    if scene.sampler not in PRESETS:
        hint = suggest(scene.sampler, tuple(PRESETS))
        raise TemplateError(f"{file}: sampler: there is no preset {scene.sampler!r}. {hint}")
    return PRESETS[scene.sampler].sampler


def _reference(library: Library, scene: Scene, brand: str) -> ReferenceUse | None:
    owners: list[tuple[LayerKind, Scene | Brand | None]] = [("scene", scene), ("brand", library.brands.get(brand))]
    for kind, owner in owners:
        if owner and owner.reference and scene.background == "generated":
            digests = [library.references[image] for image in owner.reference.images]
            file = library.layers[kind, owner.id].file
            return _part(ReferenceUse, {"images": digests, "scale": owner.reference.scale}, f"{file}: reference")
    return None


def _people(library: Library, scene: Scene, file: str) -> tuple[Person, ...]:
    """The scene's people; an entry `file: poses/x.json` stands for those of a file under templates/."""
    entries: list[dict[str, Any]] = []
    for entry in scene.people:
        if set(entry) != {"file"}:
            entries.append(entry)
            continue
        path = (library.folder / str(entry["file"])).resolve()
        if not path.is_relative_to(library.folder.resolve()):
            raise TemplateError(f"{file}: people.file: {entry['file']!r} is not a file under {library.folder.name}/")
        entries += read_people(path)
    if not entries and any(use.get("kind") == "pose" for use in scene.controls):
        raise TemplateError(f"{file}: controls: pose has nobody to draw. Give `people` with keypoints or a file.")
    return tuple(_part(Person, one, f"{file}: people.{n}") for n, one in enumerate(entries))


def _optional(model: type[Part], value: dict[str, Any] | None, where: str) -> Part | None:
    return None if value is None else _part(model, value, where)


def _part(model: type[Part], value: dict[str, Any], where: str) -> Part:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        if first["type"] == "extra_forbidden":
            reason = f"unknown field. {suggest(field, tuple(model.model_fields))}"
        else:
            reason = f"{first['msg']} (found {first['input']!r})"
        raise TemplateError(f"{where}.{field}: {reason}") from error
