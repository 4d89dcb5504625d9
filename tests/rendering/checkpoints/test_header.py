"""Safetensors headers: what a file holds is known without reading a weight; what is no such file is told apart."""

import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tasks.errors import ModelError
from tasks.rendering.checkpoints.header import TensorInfo, read_header


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(3, 5, dtype=torch.float16), "b": torch.zeros(7)}, path)
    return path


def test_names_types_and_shapes_are_read(weights: Path) -> None:
    header = read_header(weights)
    assert header.tensors == {"a": TensorInfo("F16", (3, 5)), "b": TensorInfo("F32", (7,))}
    assert header.size == weights.stat().st_size


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_file_cut_anywhere_is_half_a_file(weights: Path, kept: int) -> None:
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"model\.safetensors \(\d+ bytes\) is half a file"):
        read_header(weights)


def test_file_longer_than_its_header_says_is_refused(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(ModelError, match="its header says"):
        read_header(weights)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5158917640\n", "git-lfs pointer"),
        (b"PK\x03\x04" + b"\0" * 60, "is a pickle under the name"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page"),
        (struct.pack("<Q", 10) + b"not a json" + b"\0" * 9, "cannot be read"),
        (struct.pack("<Q", 2) + b"[]", "cannot be read"),
    ],
)
def test_what_is_no_weights_is_told_by_its_kind(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=told):
        read_header(path)


def test_missing_file_is_named_with_what_lies_beside(weights: Path) -> None:
    with pytest.raises(ModelError, match=r"other\.safetensors is missing; beside it: model\.safetensors"):
        read_header(weights.with_name("other.safetensors"))
