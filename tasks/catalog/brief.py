"""The brief: what one campaign should make. It is the Prefect form, the CLI's options and a file, all three."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from tasks.errors import ConfigurationError

Name = Annotated[str, Field(pattern=r"^[\w.-]{1,80}$")]


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
    limit: int | None = Field(
        default=None,
        ge=1,
        title="商品上限 Limit",
        description="只取前 N 个商品 Only the first N products.",
    )
    model: Name = Field(
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
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: not a readable YAML file ({error}).") from error
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise ConfigurationError(f"{path}: found {kind}, expected fields such as catalog: products.csv")
    try:
        return CampaignBrief.model_validate(found)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        accepted = ", ".join(CampaignBrief.model_fields)
        raise ConfigurationError(f"{path}: {problems}. Accepted fields: {accepted}.") from error
