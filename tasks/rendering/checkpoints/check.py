"""What a published set's files say of themselves against what the table expects; no weights are read.

Everything here comes from file names, sizes, JSON and safetensors headers, so 25 GB are judged in a second.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tasks.errors import ModelError
from tasks.rendering.checkpoints.files import weight_files
from tasks.rendering.checkpoints.header import TensorInfo, read_header
from tasks.rendering.checkpoints.names import (
    BETA_END,
    DERIVED,
    IP_ADAPTER_FILE,
    IP_ADAPTER_PICKLES,
    SIGMA_MAX,
    TRAIN_STEPS,
    USABLE,
    VISION_FILE,
    VISION_PICKLE,
)
from tasks.rendering.checkpoints.table import Component, Repository

State = Literal["ok", "note", "wrong"]
TEXT_TOWER = ("text_model.", "text_projection.", "logit_scale")
PREFIX = "transformer."  # before every key of some exports of ChatGLM


class Remark(NamedTuple):
    """One thing looked at: which file, what was found, what was expected, what to do."""

    state: State
    where: Path
    found: str
    expected: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        parts = [str(self.where), self.found, f"expected {self.expected}" if self.expected else "", self.remedy]
        return "; ".join(part for part in parts if part)


def check_repository(repo: Repository, place: Path) -> Iterator[Remark]:
    """Every component of one repository that lies at `place`."""
    for component in repo.components:
        looks = {
            "scheduler": check_scheduler,
            "tokenizer": check_tokenizer,
            "ip_adapter": check_ip_adapter,
            "image_encoder": check_image_encoder,
        }
        look: Callable[[Component, Path], Iterator[Remark]] = looks.get(component.kind, check_weights)
        try:
            yield from look(component, place / component.folder)
        except ModelError as error:
            remedy = f"fetch {repo.repo_id} again: `shangxin models fetch`"
            yield Remark("wrong", place / component.folder, str(error), remedy=remedy)


def check_weights(component: Component, folder: Path) -> Iterator[Remark]:
    """Config there, files whole, tensors, shapes, channels and numbers as published."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing")
    config = folder / "config.json"
    if not config.is_file():
        yield Remark("wrong", config, "missing", "the published configuration", "fetch this file again")
    elif component.channels is not None:
        yield from _check_value(config, "in_channels", component.channels, _CHANNELS)
    files = weight_files(folder, component.stem, variant=component.variant)
    yield from check_tensors(component, folder, read_tensors(files))


def check_tensors(component: Component, where: Path, tensors: Mapping[str, TensorInfo]) -> Iterator[Remark]:
    """Names, shapes and count against the table."""
    found = {name.removeprefix(PREFIX): info for name, info in tensors.items()}
    wrong = [*_wrong_shapes(component, where, found)]
    elements = sum(info.elements for info in found.values())
    if not wrong and component.tensors is not None and len(found) != component.tensors:
        wrong.append(Remark("wrong", where, f"{len(found)} tensors", f"{component.tensors}", _OTHER))
    if not wrong and component.elements is not None and elements != component.elements:
        wrong.append(Remark("wrong", where, f"{elements:,} numbers in all", f"{component.elements:,}", _OTHER))
    if not wrong and component.layout and layout_digest(found) != component.layout:
        text = f"names and shapes {layout_digest(found)}, so some tensor has another name or shape"
        wrong.append(Remark("wrong", where, text, component.layout, _OTHER))
    yield from wrong
    if not wrong:
        yield Remark("ok", where, f"{len(found)} tensors, {elements:,} numbers")
    yield from check_types(where, found)


def layout_digest(tensors: Mapping[str, TensorInfo]) -> str:
    """Sixteen digits of SHA-256 over all names and shapes, without buffers that every class computes."""
    lines = sorted(f"{name} {list(info.shape)}" for name, info in tensors.items() if not name.endswith(DERIVED))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def check_types(where: Path, tensors: Mapping[str, TensorInfo]) -> Iterator[Remark]:
    """Halves as published; other floats are noted, anything else is wrong."""
    types = {info.dtype for name, info in tensors.items() if not name.endswith(DERIVED)}
    if types - USABLE:
        yield Remark("wrong", where, f"holds {', '.join(sorted(types - USABLE))}", ", ".join(sorted(USABLE)), _OTHER)
    elif types and types != {"F16"}:
        text = f"holds {', '.join(sorted(types))} where the published file has F16"
        yield Remark("note", where, text, remedy="usable: it is converted to the set's precision when loaded")


def check_scheduler(_: Component, folder: Path) -> Iterator[Remark]:
    """1100 steps to beta 0.014, and the noise level that comes of them."""
    path = folder / "scheduler_config.json"
    config = read_config(path)
    steps, end = config.get("num_train_timesteps"), config.get("beta_end")
    start, schedule = config.get("beta_start", 0.00085), config.get("beta_schedule")
    sigma = sigma_max(int(steps or 0), float(start), float(end or 0), str(schedule))
    found = f"{steps} steps, beta_end {end}, {schedule}, sigma_max {sigma:.2f}"
    fits = steps == TRAIN_STEPS and end is not None and abs(float(end) - BETA_END) < 1e-9
    if fits and abs(sigma - SIGMA_MAX) <= 0.01:
        yield Remark("ok", path, found)
    else:
        expected = f"{TRAIN_STEPS} steps, beta_end {BETA_END}, scaled_linear, sigma_max {SIGMA_MAX}"
        remedy = "this may be SDXL's schedule, which runs with wrong noise; take Kolors-diffusers/scheduler"
        yield Remark("wrong", path, found, expected, remedy)


def sigma_max(steps: int, start: float, end: float, schedule: str) -> float:
    """The highest noise level of a schedule: sqrt((1 - a) / a), a the product of all 1 - beta; 0 where unknown."""
    if steps < 2 or schedule not in {"scaled_linear", "linear"}:
        return 0.0
    power = 2 if schedule == "scaled_linear" else 1
    first, last = start ** (1 / power), end ** (1 / power)
    kept = 1.0
    for step in range(steps):
        kept *= 1 - (first + (last - first) * step / (steps - 1)) ** power
    return float(((1 - kept) / kept) ** 0.5)


def check_tokenizer(_: Component, folder: Path) -> Iterator[Remark]:
    path = folder / "tokenizer.model"
    if not path.is_file():
        yield Remark("wrong", path, "missing", "the tokenizer of Kolors-diffusers", "fetch this file again")
    elif path.read_bytes()[:8] == b"version ":
        yield Remark("wrong", path, "a git-lfs pointer", "the file itself", "run `git lfs pull`, or fetch it again")
    else:
        yield Remark("ok", path, f"{path.stat().st_size:,} bytes")


def check_ip_adapter(component: Component, folder: Path) -> Iterator[Remark]:
    path = folder / IP_ADAPTER_FILE
    if not path.is_file() and (pickled := _pickle(folder, IP_ADAPTER_PICKLES)):
        yield pickled
        return
    tensors = read_header(path).tensors
    strangers = [name for name in tensors if not name.startswith(("image_proj.", "ip_adapter."))]
    if strangers:
        yield Remark("wrong", path, f"key {strangers[0]}", "keys of image_proj.* and ip_adapter.*", _OTHER)
    yield from check_tensors(component, path, tensors)


def check_image_encoder(component: Component, folder: Path) -> Iterator[Remark]:
    """The vision tower at 336 px; of a whole CLIP the text tower is passed over."""
    config = folder / "config.json"
    values = read_config(config)
    size = values.get("vision_config", values).get("image_size")
    if component.image_size is not None and size != component.image_size:
        yield Remark("wrong", config, f"image_size {size}", f"{component.image_size}", _CLIP)
    path = folder / VISION_FILE
    if not path.is_file() and (pickled := _pickle(folder, (VISION_PICKLE,))):
        yield pickled
        return
    tensors = {name: info for name, info in read_header(path).tensors.items() if not name.endswith(DERIVED)}
    tower = {name: info for name, info in tensors.items() if not name.startswith(TEXT_TOWER)}
    if len(tower) < len(tensors):
        yield Remark("note", path, "the whole CLIP, text tower included", remedy="usable: that part is not loaded")
    yield from check_tensors(component, path, tower)


def read_tensors(files: list[Path]) -> dict[str, TensorInfo]:
    """All tensors of a component's files, by name."""
    return {name: info for file in files for name, info in read_header(file).tensors.items()}


def read_config(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing") from error
    except ValueError as error:
        raise ModelError(f"{path} is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} holds no JSON object")
    return values


def _wrong_shapes(component: Component, where: Path, tensors: Mapping[str, TensorInfo]) -> Iterator[Remark]:
    for name, shape in component.shapes.items():
        found = tensors.get(name)
        if found is None and name.startswith("encoder_hid_proj"):
            yield Remark("wrong", where, f"lacks {name}", f"it with shape {list(shape)}", _PROJECTION)
        elif found is None:
            yield Remark("wrong", where, f"lacks {name}", f"it with shape {list(shape)}", _OTHER)
        elif found.shape != tuple(shape):
            other_input = name == "conv_in.weight" and found.shape[1:2] != tuple(shape)[1:2]
            remedy = _CHANNELS if other_input else _OTHER
            yield Remark("wrong", where, f"{name} is {list(found.shape)}", f"{list(shape)}", remedy)


def _check_value(path: Path, key: str, expected: int, remedy: str) -> Iterator[Remark]:
    value = read_config(path).get(key)
    if value != expected:
        yield Remark("wrong", path, f"{key} {value}", f"{expected}", remedy)


def _pickle(folder: Path, names: tuple[str, ...]) -> Remark | None:
    for name in names:
        if (folder / name).is_file():
            text = "a pickle, not yet converted"
            return Remark("note", folder / name, text, remedy="run `shangxin models convert`; loading does it too")
    return None


_OTHER = "it is another model's or an incomplete export; fetch the repository this folder is named for"
_PROJECTION = (
    "the 5.14 GB UNet files of Kwai-Kolors/Kolors lack the text projection; take Kwai-Kolors/Kolors-diffusers "
    "(base) or Kwai-Kolors/Kolors-Inpainting (nine channels), 5.16 GB"
)
_CHANNELS = (
    "the base UNet has 4 channels (Kolors-diffusers), the inpainting UNet 9 (Kolors-Inpainting); they were mixed"
)
_CLIP = "Kolors looks at references with CLIP ViT-L/14-336; take image_encoder/ of Kolors-IP-Adapter-Plus"
