"""A renderer whose text encoder leaves after encoding draws the same pictures, and frees what it borrowed."""

import gc
import hashlib
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.job import ControlUse, RenderJob, Sampler
from tasks.rendering.loader import borrow_text_encoder, load_parts
from tasks.rendering.modelset import read_model_set
from tasks.rendering.renderer import Rendered, RenderRequest
from tasks.rendering.text import ReleasingTextService, TextService
from tasks.rendering.tiers import Tier, TierName

CPU = torch.device("cpu")


def renderer(folder: Path, tier: TierName) -> KolorsRenderer:
    return KolorsRenderer(read_model_set(folder), device=CPU, tier=Tier(name=tier, batch=1, peak=0, reason="asked for"))


@pytest.fixture
def requests(random_set: Path, mug_shot: Any) -> list[RenderRequest]:
    data = mug_shot.png_with_alpha
    digest = hashlib.sha256(data).hexdigest()
    shared = {"model": read_model_set(random_set).ref, "width": 64, "height": 64, "product_image": digest, "seed": 3}
    jobs = [
        RenderJob.model_validate(
            {**shared, "prompt": prompt, "sampler": Sampler(steps=2), "controls": (ControlUse(kind="canny"),)}
        )
        for prompt in ("雪景，松林", "夏日海滩")
    ]
    return [RenderRequest(job, 0, {digest: data}) for job in jobs]


def drawn(made: KolorsRenderer, requests: list[RenderRequest]) -> list[Rendered]:
    outcomes = list(made.render(requests))
    assert all(isinstance(outcome, Rendered) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Rendered)]


def test_encoding_first_and_releasing_changes_no_pixel(random_set: Path, requests: list[RenderRequest]) -> None:
    resident = drawn(renderer(random_set, "resident"), requests)
    released = drawn(renderer(random_set, "encode-then-release"), requests)
    for one, other in zip(resident, released, strict=True):
        assert (one.pixels == other.pixels).all()
        assert one.notes == other.notes


def test_quantised_encoder_says_so_in_every_picture(random_set: Path, requests: list[RenderRequest]) -> None:
    pytest.importorskip("torchao")
    [first, _] = drawn(renderer(random_set, "quantised"), requests)
    assert any("int8" in note for note in first.notes)


def test_all_prompts_of_a_shard_share_one_loan(random_set: Path) -> None:
    found = read_model_set(random_set)
    parts = load_parts(found, device=CPU)
    loans: list[int] = []

    @contextmanager
    def borrow() -> Iterator[torch.nn.Module]:
        loans.append(1)
        yield parts.text_encoder

    service = ReleasingTextService(parts.tokenizer, borrow, encoder_key="x", size=2)
    prompts = ["雪", "海滩", "木桌", "雪"]
    service.prepare(prompts)
    made = service.encode(prompts)
    service.encode(["海滩"])
    assert len(loans) == 1

    resident = TextService(parts.tokenizer, parts.text_encoder, encoder_key="x").encode(prompts)
    assert all(torch.equal(a.hidden, b.hidden) for a, b in zip(made, resident, strict=True))
    assert all(torch.equal(a.pooled, b.pooled) for a, b in zip(made, resident, strict=True))


def test_borrowed_encoder_is_gone_even_if_somebody_still_names_it(random_set: Path) -> None:
    found = read_model_set(random_set)
    with borrow_text_encoder(found, device=CPU, quantised=False) as encoder:
        weights = [weakref.ref(parameter) for parameter in encoder.parameters()]
        assert len(weights) > 10
    gc.collect()
    assert encoder is not None
    assert [weight for weight in weights if weight() is not None] == []


def test_int8_hidden_states_stay_close_to_those_of_full_precision(random_set: Path) -> None:
    pytest.importorskip("torchao")
    found = read_model_set(random_set)
    parts = load_parts(found, device=CPU)
    exact = TextService(parts.tokenizer, parts.text_encoder, encoder_key="a").encode(["木质桌面，清晨阳光"])[0]
    with borrow_text_encoder(found, device=CPU, quantised=True) as encoder:
        close = TextService(parts.tokenizer, encoder, encoder_key="b").encode(["木质桌面，清晨阳光"])[0]
    assert not torch.equal(exact.hidden, close.hidden)
    assert torch.nn.functional.cosine_similarity(exact.hidden, close.hidden, dim=-1).min() > 0.999
