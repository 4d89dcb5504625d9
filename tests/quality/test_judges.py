from dataclasses import replace
from pathlib import Path

import pytest

from tasks.findings import Finding, judge
from tasks.quality.evidence import Evidence
from tasks.quality.models import Models, check_with_models
from tasks.quality.thresholds import load_thresholds
from tests.quality import pictures

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose().without("text")
PICTURE = replace(pictures.master("wood", "mug", side=256), prompt="木桌上的清晨阳光")
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real classes at toy width, saved as the published repositories are."""
    import torch
    from transformers import ChineseCLIPConfig, ChineseCLIPModel, ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    seen = {**SMALL, "image_size": 32, "patch_size": 16}
    told = {**SMALL, "vocab_size": 16, "max_position_embeddings": 64}
    config = ChineseCLIPConfig(text_config=told, vision_config=seen, projection_dim=8)
    ChineseCLIPModel(config).save_pretrained(folder / "chinese-clip")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"木桌上的清晨阳光"]
    (folder / "chinese-clip" / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    labels = {0: "normal", 1: "nsfw"}
    ViTForImageClassification(ViTConfig(**seen, id2label=labels, label2id={"normal": 0, "nsfw": 1})).save_pretrained(
        folder / "nsfw"
    )
    return folder


def found(models_dir: Path | None, evidence: Evidence = PICTURE) -> dict[str, Finding]:
    return {each.check: each for each in check_with_models(evidence, LIMITS, Models(models_dir))}


def test_weights_at_hand_are_asked(models_dir: Path) -> None:
    findings = found(models_dir)

    assert findings["prompt"].value is not None
    assert -1 <= findings["prompt"].value <= 1
    assert findings["unsafe"].value is not None
    assert 0 < findings["unsafe"].value < 1


def test_another_prompt_and_another_picture_are_judged_otherwise(models_dir: Path) -> None:
    first = found(models_dir)
    words = found(models_dir, replace(PICTURE, prompt="桌桌桌"))
    picture = found(models_dir, replace(pictures.master("night", "tub", side=256), prompt=PICTURE.prompt))

    assert words["prompt"].value != first["prompt"].value
    assert words["unsafe"].value == first["unsafe"].value
    assert picture["prompt"].value != first["prompt"].value
    assert picture["unsafe"].value != first["unsafe"].value


def test_a_long_prompt_is_cut_to_what_the_model_reads(models_dir: Path) -> None:
    assert found(models_dir, replace(PICTURE, prompt="木桌上的清晨阳光" * 40))["prompt"].value is not None


@pytest.mark.parametrize("where", ["nowhere", "an empty folder", "a pickle", "broken"])
def test_without_usable_weights_nothing_is_passed(models_dir: Path, tmp_path: Path, where: str) -> None:
    for name in ("chinese-clip", "nsfw"):
        if where == "nowhere":
            continue
        (tmp_path / name).mkdir()
        if where == "a pickle":
            (tmp_path / name / "pytorch_model.bin").write_bytes(b"\x80\x04")
        if where == "broken":
            (tmp_path / name / "config.json").write_bytes((models_dir / name / "config.json").read_bytes())
            (tmp_path / name / "model.safetensors").write_bytes(b"\0" * 64)

    for findings in (found(tmp_path), found(None)):
        for check in ("prompt", "unsafe"):
            assert findings[check].value is None
            assert not findings[check].passed
            assert findings[check].cause == "not_measured"
            assert "not measured: " in findings[check].detail
        assert judge(findings.values()).status == "approved"


def test_a_strict_run_demands_them() -> None:
    findings = check_with_models(PICTURE, LIMITS.strict, Models(None))

    assert judge(findings).status == "review"


def test_a_picture_above_the_limit_is_rejected(models_dir: Path) -> None:
    rules = {**LIMITS.rules, "unsafe": LIMITS.rules["unsafe"].model_copy(update={"limit": 0.0})}
    findings = check_with_models(PICTURE, LIMITS.model_copy(update={"rules": rules}), Models(models_dir))

    assert judge(findings).status == "rejected"
    assert next(each for each in findings if each.check == "unsafe").cause == "unsafe"
