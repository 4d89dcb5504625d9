"""The tokenizer of kolors-nano, trained on captions."""

from pathlib import Path

import numpy as np
from diffusers.pipelines.kolors import ChatGLMTokenizer

from tasks.rendering.nano.recipes import compose_scene
from tasks.rendering.nano.vocabulary import COLOURS, NEGATIVE, caption
from tasks.rendering.toyparts import train_tokenizer

LONGEST = 2  # characters: 红色 stays a word of its own in every phrase


def make_tokenizer(folder: Path, *, vocabulary: int, captions: int = 3000) -> ChatGLMTokenizer:
    """Train on captions, negative prompts and the names of colours, into `folder`."""
    rng = np.random.default_rng(0)
    corpus = [caption(rng, compose_scene(rng).words) for _ in range(captions)]
    corpus += [*NEGATIVE, *COLOURS] * 20
    return train_tokenizer(corpus, folder, vocabulary=vocabulary, longest_piece=LONGEST)
