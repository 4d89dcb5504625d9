"""Kolors' text embeddings: ChatGLM's hidden states, always 256 positions, padded on the left.

The pad positions carry values and the UNet gets no mask, so their number is part of what the model was trained on.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import torch

from tasks.errors import ModelError

LENGTH = 256  # tokens, the length Kolors was trained at


class Embedding(NamedTuple):
    """One prompt: hidden states (256, C) for cross-attention, pooled (C,) for the time embedding; raw, unprojected."""

    hidden: torch.Tensor
    pooled: torch.Tensor
    notes: tuple[str, ...] = ()


class TextService:
    """Prompts to embeddings, the last `size` kept.

    Prompts are encoded one at a time: a batch of another size rounds differently, and a picture may not depend on
    what else was asked for. `encoder_key` must tell encoders, precisions and quantisations apart.
    """

    def __init__(self, tokenizer: Any, encoder: torch.nn.Module, *, encoder_key: str, size: int = 256) -> None:
        self._tokenizer, self._encoder = tokenizer, encoder
        self._key = f"{_tokenizer_digest(tokenizer)}:{encoder_key}:{LENGTH}"
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._size = size
        self._lock = Lock()

    def encode(self, prompts: Sequence[str]) -> list[Embedding]:
        return [self._one(prompt) for prompt in prompts]

    def prepare(self, prompts: Sequence[str]) -> None:
        """Told what will be asked for; a resident encoder has no use for it."""

    def _one(self, prompt: str) -> Embedding:
        key = f"{self._key}:{prompt}"
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._encode(prompt, self._encoder)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return self._kept[key]

    @torch.inference_mode()
    def _encode(self, prompt: str, encoder: torch.nn.Module) -> Embedding:
        tokens = self._tokenizer(
            [prompt], padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
        )
        self._check(tokens)
        device = next(encoder.parameters()).device
        output = encoder(
            input_ids=tokens["input_ids"].to(device),
            attention_mask=tokens["attention_mask"].to(device),
            position_ids=tokens["position_ids"].to(device),
            output_hidden_states=True,
        )
        # hidden states are sequence-first: (256, batch, C); pooled is the last position before the final norm
        hidden = output.hidden_states[-2].permute(1, 0, 2)[0].clone()
        pooled = output.hidden_states[-1][-1, 0].clone()
        if not (torch.isfinite(hidden).all() and torch.isfinite(pooled).all()):
            raise ModelError("the text encoder gives values that are not finite; its weights are damaged or incomplete")
        return Embedding(hidden=hidden, pooled=pooled, notes=self._notes(prompt))

    def _check(self, tokens: Any) -> None:
        shape, mask = tuple(tokens["input_ids"].shape), tokens["attention_mask"][0]
        padded_left = bool((mask.diff() >= 0).all())
        if shape != (1, LENGTH) or not padded_left:
            raise ModelError(
                f"the tokenizer gives {shape[1]} tokens, padded {'left' if padded_left else 'right'}; Kolors takes "
                f"{LENGTH}, padded left. Take the tokenizer of Kolors-diffusers"
            )

    def _notes(self, prompt: str) -> tuple[str, ...]:
        count = len(self._tokenizer(prompt)["input_ids"])
        return (f"提示词超长，已截断 prompt of {count} tokens cut to {LENGTH}",) if count > LENGTH else ()


class ReleasingTextService(TextService):
    """The same, for a card that cannot hold encoder and UNet at once: many prompts are encoded in one go.

    `borrow` brings the encoder and takes it away again; embeddings wait in main memory, bit for bit the same.
    `note` goes with every picture, where the borrowed encoder is not quite the resident one.
    """

    def __init__(
        self,
        tokenizer: Any,
        borrow: Callable[[], AbstractContextManager[torch.nn.Module]],
        *,
        encoder_key: str,
        note: str = "",
        size: int = 256,
    ) -> None:
        super().__init__(tokenizer, torch.nn.Identity(), encoder_key=encoder_key, size=size)
        self._borrow = borrow
        self._note = (note,) if note else ()

    def encode(self, prompts: Sequence[str]) -> list[Embedding]:
        self.prepare(prompts)
        return super().encode(prompts)

    def prepare(self, prompts: Sequence[str]) -> None:
        """Encode those of the prompts that are not kept, and keep all of them until they are asked for."""
        with self._lock:
            keys = {f"{self._key}:{prompt}": prompt for prompt in prompts}
            self._size = max(self._size, len(keys))
            for key in keys.keys() & self._kept.keys():
                self._kept.move_to_end(key)
            missing = {key: prompt for key, prompt in keys.items() if key not in self._kept}
            if not missing:
                return
            with self._borrow() as encoder:
                for key, prompt in missing.items():
                    made = self._encode(prompt, encoder)
                    notes = (*made.notes, *self._note)
                    self._kept[key] = Embedding(hidden=made.hidden.cpu(), pooled=made.pooled.cpu(), notes=notes)


def _tokenizer_digest(tokenizer: Any) -> str:
    """Digest of the tokenizer's model file, or of its class where it has none."""
    path = getattr(tokenizer, "vocab_file", None)
    data = Path(path).read_bytes() if path else type(tokenizer).__name__.encode()
    return hashlib.sha256(data).hexdigest()[:16]
