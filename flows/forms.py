"""What the marketing team fills in: lists from templates/ and catalogs/, sensible defaults, bounds, two languages.

Everything that can be refused is in the JSON schema, because Prefect's form checks that and nothing else before a run
begins. The lists are read when this module is loaded: deploy again after templates were added.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from flows.deployments import SAMPLE
from tasks.banners.placement import placement_sets
from tasks.catalog.brief import CampaignBrief
from tasks.confinement import list_catalogues
from tasks.errors import ConfigurationError
from tasks.rendering.modelset import list_model_sets
from tasks.workplace import open_workplace

OWN_FILE = "—"  # the catalogue is named in the field below
AS_CATALOGUED = "按目录 as catalogued"
LANGUAGES = {"zh-CN": "简体中文", "zh-TW": "繁體中文", "en": "English"}


def _choices(names: Iterable[str]) -> Any:
    return Literal[tuple(names)]


def _titled(titles: dict[str, str]) -> Iterator[str]:
    return (f"{name} {title}".strip() for name, title in titles.items())


def at(position: int) -> Callable[[dict[str, Any]], None]:
    """The field's place in the form; and a list of one stays a list: Prefect calls it a constant otherwise."""

    def amend(schema: dict[str, Any]) -> None:
        schema["position"] = position
        if "const" in schema:
            schema["enum"] = [schema.pop("const")]

    return amend


_place = open_workplace()
_SCENES = {scene.id: scene.title.zh for scene in _place.library.scenes.values()}
_BRANDS = {brand.id: brand.title.zh for brand in _place.library.brands.values()}
_SETS = {
    name: f"{len(members)} 个版位 placements" for name, members in sorted(placement_sets(_place.all_placements).items())
}
_PLACEMENTS = {each.id: each.title.zh for each in _place.all_placements.values()}
_MODELS = {
    found.name: "草稿 draft" if found.draft else "" for found in list_model_sets(_place.settings.models_dir)
} or {"kolors-nano": "草稿 draft"}
_CATALOGUES = list_catalogues(_place.settings)

SceneChoice: Any = _choices(_titled(_SCENES))
PlacementChoice: Any = _choices(_titled({**_SETS, **_PLACEMENTS}))
BrandChoice: Any = _choices((AS_CATALOGUED, *_titled(_BRANDS)))
ModelChoice: Any = _choices(_titled(_MODELS))
LocaleChoice: Any = _choices((AS_CATALOGUED, *_titled(LANGUAGES)))
CatalogueChoice: Any = _choices((*_CATALOGUES, OWN_FILE))


class Order(BaseModel, extra="forbid"):
    """出图单 An order for pictures. 留空即用默认 What is left empty takes the default."""

    catalogue: CatalogueChoice = Field(
        default=SAMPLE if SAMPLE in _CATALOGUES else (*_CATALOGUES, OWN_FILE)[0],
        title="商品目录 Catalogue",
        description="选一个目录；选 — 则在下一栏填写 s3:// 地址。 Choose one, or — and give an s3:// address below.",
        json_schema_extra=at(0),
    )
    catalogue_address: Annotated[str, Field(max_length=800, pattern=r"^(s3://.+/.+)?$")] = Field(
        default="",
        title="目录地址 Catalogue address",
        description="s3://桶/路径/文件.csv。 s3://bucket/path/file.csv, only where — is chosen above.",
        json_schema_extra=at(1),
    )
    scenes: list[SceneChoice] = Field(
        default=[],
        title="场景 Scenes",
        description="可多选；不选即用适合品类的全部场景。 Several may be chosen; none: all that fit each category.",
        json_schema_extra=at(2),
    )
    placements: list[PlacementChoice] = Field(
        default=[],
        title="版位 Placements",
        description="可多选，平台名即其全部；不选即用默认。 Several; a platform: all of its own; none: the default.",
        json_schema_extra=at(3),
    )
    brand: BrandChoice = Field(
        default=AS_CATALOGUED,
        title="品牌 Brand",
        description="按目录中的品牌列，或统一用一个。 The catalogue's own column, or one for all.",
        json_schema_extra=at(4),
    )
    variants: int = Field(
        default=1,
        ge=1,
        le=16,
        title="每景张数 Variants",
        description="每个商品每个场景出几张，1 到 16。 Pictures per product and scene, 1 to 16.",
        json_schema_extra=at(5),
    )
    limit: int = Field(
        default=20,
        ge=0,
        le=100_000,
        title="商品上限 Products at most",
        description="只做前 N 个商品，先看样再放开；0 为不限。 Only the first N, to look before you leap; 0: all.",
        json_schema_extra=at(6),
    )
    max_cost: float = Field(
        default=50.0,
        gt=0,
        le=100_000,
        title=f"预算上限 Max cost ({_place.settings.currency})",
        description="花到此数即停，之后可继续。 Rendering stops here and can be taken up again.",
        json_schema_extra=at(7),
    )
    model: ModelChoice = Field(
        default=next(_titled(_MODELS)),
        title="模型 Model",
        description="草稿模型只作预览。 The draft model is for previews.",
        json_schema_extra=at(8),
    )
    visible_mark: bool = Field(
        default=False,
        title="可见标识 Visible mark",
        description="在生成图上写明 AI 生成，单独存放。 Says on generated pictures that they are; a set of its own.",
        json_schema_extra=at(9),
    )
    locale: LocaleChoice = Field(
        default=AS_CATALOGUED,
        title="文案语言 Language",
        description="横幅文案的语言，单独成套。 Of the words on banners; a set of its own.",
        json_schema_extra=at(10),
    )
    masters: int = Field(
        default=1,
        ge=1,
        le=8,
        title="母版数上限 Masters",
        description="每景每款至多几种画幅的母版；多则少补边。 Shapes rendered per product and scene, at most.",
        json_schema_extra=at(11),
    )

    def brief(self) -> CampaignBrief:
        """The brief that the order comes to; ConfigurationError where the catalogue is not named."""
        if self.catalogue == OWN_FILE and not self.catalogue_address:
            raise ConfigurationError("商品目录未填 No catalogue: choose one, or give its s3:// address below the list.")
        named = self.catalogue_address if self.catalogue == OWN_FILE else str(PurePosixPath(self.catalogue))
        return CampaignBrief(
            catalog=named,
            scenes=tuple(map(_id, self.scenes)),
            placements=tuple(map(_id, self.placements)),
            brand="" if self.brand == AS_CATALOGUED else _id(self.brand),
            variants=self.variants,
            masters=self.masters,
            limit=self.limit or None,
            max_cost=self.max_cost,
            model=_id(self.model),
            visible_mark=self.visible_mark,
            locale="" if self.locale == AS_CATALOGUED else _id(self.locale),
        )


def _id(choice: str) -> str:
    return choice.split(" ", 1)[0]
