"""The loop that all stages over noised pictures share: step, log, save."""

import logging
from collections.abc import Callable

import torch

from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.lesson import Lesson

logger = logging.getLogger(__name__)


def practise(name: str, trainer: Trainer, lesson: Lesson, loss: Callable[[], torch.Tensor]) -> None:
    """Go down `loss` until the trainer's budget is spent, saving every 50 steps; leaves averaged weights."""
    lesson.begin(trainer.step)
    running = 0.0
    while not trainer.done:
        found = loss()
        trainer.learn(found)
        running = 0.98 * running + 0.02 * float(found.detach()) if running else float(found.detach())
        if trainer.step % 50 == 0:
            logger.info(
                "%s: step %d, loss %.4f, %.0f %% of the budget", name, trainer.step, running, 100 * trainer.share
            )
            trainer.save()
    trainer.save()
    trainer.load_average()
    trainer.module.eval()
