"""The brief: what one campaign should make. It is the Prefect form, the CLI's options and a file, all three."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from tasks.errors import ConfigurationError

Name = Annotated[str, Field(pattern=r"^[\w.-]{1,80}$")]
Model = Annotated[str, Field(pattern=r"^[\w.-]{1,80}(:[a-z0-9+-]{1,80})?$")]  # a colon leads tunings


class CampaignBrief(BaseModel, frozen=True, extra="forbid"):
    """One campaign. Names refer to files under templates/; an empty list means all that fit."""

    catalog: str = Field(
        title="商品目录 Catalogue",
        description="路径或 s3:// 地址 A path or an s3:// address.",
    )
    scenes: tuple[Name, ...] = Field(
        default=(),
        title="场景 Scenes",
        description="留空为全部 Empty: all that fit the category.",
    )
    placements: tuple[Name, ...] = Field(
        default=(),
        title="版位 Placements",
        description="留空为默认 Empty: the default ones; all: every one.",
    )
    brand: str = Field(
        default="",
        title="品牌 Brand",
        description="品牌文件名 A file in templates/brands; empty: the catalogue's own.",
    )
    variants: int = Field(
        default=1,
        ge=1,
        le=16,
        title="每景张数 Variants",
        description="每个商品每景张数 Pictures per product and scene.",
    )
    masters: int = Field(
        default=1,
        ge=1,
        le=8,
        title="母版数上限 Masters",
        description="每景每款至多几张不同画幅的母版 Shapes rendered per product, scene and variant, at most.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        title="商品上限 Limit",
        description="只取前 N 个商品 Only the first N products.",
    )
    model: Model = Field(
        default="kolors-nano",
        title="模型 Model",
        description="模型集名称 The model set's name.",
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        title="预算上限 Max cost",
        description="到此停止，可续跑 Rendering stops here; resumable.",
    )
    strict: bool = Field(
        default=False,
        title="严格 Strict",
        description="有检查未能进行则交人审核 A picture that some check could not judge goes to a person.",
    )
    candidates: int = Field(
        default=1,
        ge=1,
        le=8,
        title="候选张数 Candidates",
        description="每图渲染几张，取最好的一张 Takes per picture; the best is kept.",
    )
    drift: Literal["off", "warn", "stop"] = Field(
        default="off",
        title="漂移监测 Drift watch",
        description="先渲染标准样张，与上次比较：提醒或停止 Renders the golden set first: warn of a jump, or stop.",
    )
    approval: Literal["none", "wait"] = Field(
        default="none",
        title="等待审批 Approval",
        description="wait：待审图片处理完再发布 The run waits until nobody's decision is missing.",
    )
    visible_mark: bool = Field(
        default=False,
        title="可见标识 Visible mark",
        description="在生成图上写明AI生成，单独存放 Says on generated pictures that they are; a set of its own.",
    )
    mark_text: str = Field(
        default="",
        max_length=24,
        title="标识文字 Mark text",
        description="留空按语言：AI生成 Empty: by locale, AI生成 or AI-generated.",
    )
    locale: Literal["", "zh-CN", "zh-TW", "zh-HK", "en", "en-US", "en-GB"] = Field(
        default="",
        title="语言 Locale",
        description="文案语言，单独成套；留空按商品 Of the copy, a set of its own; empty: each product's.",
    )
    copy_file: str = Field(
        default="",
        title="文案表 Copy file",
        description="CSV：货号加文案列，优先于商品目录 SKU and columns of copy; they win over the catalogue's.",
    )
    layers: bool = Field(
        default=False,
        title="分层稿 Layers",
        description="另存可编辑的 SVG A layered SVG beside each dressed picture.",
    )


def load_brief(path: Path) -> CampaignBrief:
    """The brief in a YAML file; ConfigurationError where it cannot be read or does not fit."""
    try:
        return parse_brief(path.read_bytes(), where=str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: not a readable YAML file ({error}).") from error


def parse_brief(data: bytes, *, where: str, catalog: str = "") -> CampaignBrief:
    """The brief in YAML; `catalog` says for which catalogue, whose name the brief may repeat but not change."""
    try:
        found = yaml.safe_load(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{where}: not a readable YAML file ({error}).") from error
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise ConfigurationError(f"{where}: found {kind}, expected fields such as catalog: products.csv")
    if catalog:
        named = found.get("catalog", catalog)
        if named not in (catalog, catalog.rpartition("/")[2]):
            raise ConfigurationError(f"{where}: catalog: found {named!r}, expected {catalog} or nothing. Leave it out.")
        found = {**found, "catalog": catalog}
    try:
        return CampaignBrief.model_validate(found)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        accepted = ", ".join(CampaignBrief.model_fields)
        raise ConfigurationError(f"{where}: {problems}. Accepted fields: {accepted}.") from error
