"""Teach the text encoder what the words mean: from a caption's pooled vector to the scene it was written for.

The encoder then stays as it is while the UNet learns, so that the UNet reads colours and places from the first step.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from torch import nn

from tasks.rendering.nano.backdrops import BACKDROPS
from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.light import PATTERNS
from tasks.rendering.nano.props import PROPS
from tasks.rendering.nano.recipes import compose_scene
from tasks.rendering.nano.scenery import Scene
from tasks.rendering.nano.surfaces import PAINTERS
from tasks.rendering.nano.vocabulary import caption

logger = logging.getLogger(__name__)

LENGTH = 256  # tokens, always: pads are part of what the UNet sees
BATCH = 64


def embed(
    tokenizer: ChatGLMTokenizer, encoder: ChatGLMModel, texts: Sequence[str], *, length: int | None = LENGTH
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states (n, 256, hidden) and pooled (n, hidden) as KolorsPipeline makes them; None pads to the longest."""
    tokens = tokenizer(
        list(texts),
        padding="max_length" if length else "longest",
        max_length=length,
        truncation=bool(length),
        return_tensors="pt",
    )
    output = encoder(
        input_ids=tokens["input_ids"],
        attention_mask=tokens["attention_mask"],
        position_ids=tokens["position_ids"],
        output_hidden_states=True,
    )
    return output.hidden_states[-2].permute(1, 0, 2), output.hidden_states[-1][-1]


def describe(scene: Scene) -> list[float]:
    """What a caption should tell: colours, ground line, light, and which materials, backdrop and props there are."""
    numbers = [*scene.main, *scene.ground, *scene.accent, *scene.light]
    numbers = [4 * number - 2 for number in numbers]
    numbers += [
        4 * (scene.edge - 0.5),
        scene.side,
        2 * scene.gloss,
        float(scene.podium is not None),
        2 * scene.pattern_strength,
    ]
    named = [*(name == scene.surface for name in PAINTERS), *(name == scene.backdrop for name in BACKDROPS)]
    named += [*(name == scene.pattern for name in PATTERNS), *(name in scene.props for name in PROPS)]
    return numbers + [2.0 * name for name in named]


def learn_text(tokenizer: ChatGLMTokenizer, encoder: ChatGLMModel, *, folder: Path, seconds: float) -> None:
    """Train on endless captions until the budget is spent; leaves averaged weights."""
    hidden, answers = encoder.config.hidden_size, len(describe(compose_scene(np.random.default_rng(0))))
    pooled_head, token_head = (nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, answers)) for _ in range(2))
    encoder.output_layer.requires_grad_(False)  # Kolors never uses it
    whole = nn.ModuleList([encoder.train(), pooled_head, token_head])
    trainer = Trainer(whole, folder / "text.safetensors", rate=2e-3, seconds=seconds, decay=0.99)
    rng = np.random.default_rng(trainer.step)
    running = 0.0
    while not trainer.done:
        scenes = [compose_scene(rng) for _ in range(BATCH)]
        texts = [caption(rng, scene.words) for scene in scenes]
        target = torch.tensor([describe(scene) for scene in scenes])
        tokens, pooled = embed(tokenizer, encoder, texts, length=None)
        # the token vectors of the layer that the UNet reads must tell the same, at their last place
        answer = nn.functional.mse_loss(pooled_head(pooled), target) + 0.5 * nn.functional.mse_loss(
            token_head(tokens[:, -1]), target
        )
        trainer.learn(answer + 1e-3 * pooled.pow(2).mean())
        running = 0.95 * running + 0.05 * float(answer.detach()) if running else float(answer.detach())
        if trainer.step % 50 == 0:
            logger.info("text: step %d, loss %.4f, %.0f %% of the budget", trainer.step, running, 100 * trainer.share)
            trainer.save()
    trainer.save()
    trainer.load_average()
    encoder.eval()
