"""The loop that all stages over noised pictures share: step, log, save."""

import logging
from collections.abc import Callable
from functools import partial

import torch

from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.lesson import Lesson

logger = logging.getLogger(__name__)


WORKERS = 2  # shares of a batch, each with a stream of random numbers and a core of its own


def practise(name: str, trainer: Trainer, lesson: Lesson, loss: Callable[[Lesson], torch.Tensor]) -> None:
    """Go down `loss` until the trainer's budget is spent, saving every 50 steps; leaves averaged weights.

    A step takes the mean of `loss` over WORKERS batches, drawn alike on any number of cores.
    """
    lessons = [lesson.twin(WORKERS * trainer.step + number) for number in range(WORKERS)]
    running = 0.0
    while not trainer.done:
        found = trainer.learn_at_once([partial(loss, one) for one in lessons])
        running = 0.98 * running + 0.02 * found if running else found
        if trainer.step % 50 == 0:
            logger.info(
                "%s: step %d, loss %.4f, %.0f %% of the budget", name, trainer.step, running, 100 * trainer.share
            )
            trainer.save()
    trainer.save()
    trainer.load_average()
    trainer.module.eval()
