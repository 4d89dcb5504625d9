"""One known picture before any work: a card that draws it otherwise than recorded gets none."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import ModelError, StorageError
from tasks.rendering.job import ModelRef, RenderJob, Sampler
from tasks.rendering.renderer import Failed, RenderRequest
from tasks.workplace import Workplace

SIDE = 256  # px
# mean difference in levels of 0..255; other cards and drivers stay far below one, a broken one does not
MOST_DISTANCE = 2.0
PROMPT = "一只白瓷杯放在木桌上，晨光从左侧照来，柔和的阴影"
SEED = 20260101


def check_renderer(workplace: Workplace, model: str) -> float:
    """Distance of the model's self-test picture from the recorded one; ModelError where it is too far.

    The first agent of a model set records it in the store, under a key that names everything that goes into it.
    """
    pixels = _draw(workplace, model)
    key = self_test_key(workplace, model)
    if not workplace.store.exists(key):
        workplace.store.put(key, _png(pixels), content_type="image/png")
    recorded = cv2.imdecode(np.frombuffer(workplace.store.get(key), np.uint8), cv2.IMREAD_COLOR)
    if recorded is None or recorded.shape != pixels.shape:
        raise StorageError(f"{key}: no picture of {SIDE}x{SIDE}. Delete it; the next agent records it anew.")
    distance = float(np.abs(recorded[:, :, ::-1].astype(np.int16) - pixels).mean())
    if distance > MOST_DISTANCE:
        raise ModelError(
            f"{model}: the self-test picture is {distance:.2f} levels from the recorded one ({key}), at most "
            f"{MOST_DISTANCE:g} are allowed. The card or its driver is faulty; if the recorded one is, delete it."
        )
    return distance


def self_test_key(workplace: Workplace, model: str) -> str:
    """Where the recorded picture lies."""
    found = workplace.model(model)
    return f"agents/selftest/{_job(found.ref, found.sampler).job_id}.png"


def _draw(workplace: Workplace, model: str) -> NDArray[np.uint8]:
    found = workplace.model(model)
    job = _job(found.ref, found.sampler)
    request = RenderRequest(job, 0, {job.product_image: _product()})
    (outcome,) = workplace.renderer(model).render([request])
    if isinstance(outcome, Failed):
        raise ModelError(f"{model}: the self-test picture could not be rendered: {outcome.reason}")
    return outcome.pixels


def _job(model: ModelRef, sampler: Sampler | None) -> RenderJob:
    return RenderJob(
        model=model,
        prompt=PROMPT,
        seed=SEED,
        width=SIDE,
        height=SIDE,
        sampler=sampler or Sampler(),
        product_image="5e1f" + "0" * 60,  # a name, not a digest: the bytes of a drawn PNG may differ by its encoder
    )


def _product() -> bytes:
    cup = np.zeros((160, 120, 4), np.uint8)
    cv2.ellipse(cup, (60, 80), (44, 66), 0, 0, 360, (210, 225, 235, 255), -1, cv2.LINE_AA)
    return _png(cup)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    ordered = pixels[:, :, ::-1] if pixels.shape[2] == 3 else pixels
    return cv2.imencode(".png", ordered)[1].tobytes()
