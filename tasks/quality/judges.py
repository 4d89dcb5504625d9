"""Judges that shops bring along: folders of weights under SHANGXIN_MODELS_DIR, read as they were published.

`chinese-clip` (for example OFA-Sys/chinese-clip-vit-base-patch16) tells how well a picture fits its prompt, `nsfw` (any
image classifier of transformers with a label "nsfw") whether it may be shown. Safetensors only: nothing is unpickled.
"""

import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import ModelError
from tasks.findings import Finding
from tasks.loading import LOADING
from tasks.quality.evidence import Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

CLIP_TOKENS = 52  # Chinese-CLIP was trained on captions of this length; scenes say surface and setting first
UNSAFE_LABEL = "nsfw"
# Of OpenAI's CLIP, which Chinese-CLIP keeps, where the folder says nothing else.
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Loaded(NamedTuple):
    """A model with what turns pictures and words into its inputs."""

    model: Any
    tokenizer: Any
    preparation: Mapping[str, Any]

    def pixels(self, pixels: Pixels, side: int) -> Any:
        """A batch of one, shape (1, 3, side, side)."""
        import torch

        small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        mean, deviation = (
            np.asarray(self.preparation.get(name) or default, dtype=np.float32) for name, default in _NORMALISATION
        )
        ready: NDArray[np.float32] = ((small - mean) / deviation).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(ready.transpose(2, 0, 1)[None]))


_NORMALISATION = (("image_mean", MEAN), ("image_std", DEVIATION))


class Judge:
    """One folder of weights, loaded when first asked, once for all threads."""

    def __init__(self, models_dir: Path | None, name: str) -> None:
        self.name = name
        self._folder = None if models_dir is None else models_dir / name
        self._lock = threading.Lock()

    @property
    def loaded(self) -> Loaded:
        """ModelError where the folder is not there or does not hold what it should."""
        with self._lock:
            return self._loaded

    @cached_property
    def _loaded(self) -> Loaded:
        folder = self._folder
        if folder is None or not folder.is_dir():
            where = "SHANGXIN_MODELS_DIR" if folder is None else str(folder.parent)
            raise ModelError(f"no weights for {self.name}: expected a folder {self.name} in {where}")
        if not (folder / "model.safetensors").is_file():
            raise ModelError(f"{folder}: model.safetensors is not there; pickled weights are not read, convert them")
        try:
            return self._load(folder)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
            raise ModelError(f"{folder}: cannot be loaded: {str(error).strip().splitlines()[0]:.200}") from error

    def _load(self, folder: Path) -> Loaded:
        import json

        from safetensors import SafetensorError
        from transformers import AutoModelForImageClassification, BertTokenizer, ChineseCLIPModel

        settings = folder / "preprocessor_config.json"
        preparation = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
        words = (folder / "vocab.txt").is_file() or (folder / "tokenizer.json").is_file()
        kind = ChineseCLIPModel if self.name == "chinese-clip" else AutoModelForImageClassification
        try:
            with LOADING:
                model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        except SafetensorError as error:
            raise ValueError(f"model.safetensors is damaged: {error}") from error
        tokenizer = BertTokenizer.from_pretrained(folder, local_files_only=True) if words else None
        return Loaded(model, tokenizer, preparation)


def check_prompt(regions: Regions, thresholds: Thresholds, judge: Judge) -> Finding:
    """`prompt`: cosine of Chinese-CLIP's embeddings of the picture and of its prompt, -1..1."""
    if not regions.evidence.prompt:
        return thresholds.not_measured("prompt", "there is no prompt to compare with")
    try:
        loaded = judge.loaded
    except ModelError as error:
        return thresholds.not_measured("prompt", str(error))
    import torch

    if loaded.tokenizer is None:
        return thresholds.not_measured("prompt", "chinese-clip has no vocab.txt")
    words = loaded.tokenizer(
        regions.evidence.prompt, truncation=True, max_length=CLIP_TOKENS, padding="max_length", return_tensors="pt"
    )
    picture = loaded.pixels(regions.evidence.pixels, int(loaded.model.config.vision_config.image_size))
    with torch.inference_mode():
        told = loaded.model(pixel_values=picture, **words)
    image, text = (torch.nn.functional.normalize(each, dim=-1) for each in (told.image_embeds, told.text_embeds))
    return thresholds.at_least("prompt", float((image * text).sum()))


def check_unsafe(regions: Regions, thresholds: Thresholds, judge: Judge) -> Finding:
    """`unsafe`: probability that the classifier gives its label "nsfw", 0..1."""
    try:
        loaded = judge.loaded
    except ModelError as error:
        return thresholds.not_measured("unsafe", str(error))
    import torch

    labels = {str(label).casefold(): int(number) for number, label in loaded.model.config.id2label.items()}
    if UNSAFE_LABEL not in labels:
        return thresholds.not_measured("unsafe", f"the classifier has no label {UNSAFE_LABEL!r}, only {sorted(labels)}")
    side = loaded.model.config.image_size
    with torch.inference_mode():
        logits = loaded.model(pixel_values=loaded.pixels(regions.evidence.pixels, int(side))).logits
    return thresholds.at_most("unsafe", float(logits.softmax(dim=-1)[0, labels[UNSAFE_LABEL]]))
