"""From the model's decode to the master: background, shadow, the product's own pixels."""

from collections.abc import Mapping

import numpy as np

from tasks.rendering.canvas import resize_pixels
from tasks.rendering.ground_texture import lay_texture, material_of
from tasks.rendering.harmony import harmonise
from tasks.rendering.paste import background_from, enlarge, paste
from tasks.rendering.reflection import reflect
from tasks.rendering.renderer import Pixels, Rendered
from tasks.rendering.retouch import retouch
from tasks.rendering.shadow import shade
from tasks.rendering.staged import Staged


def finish(
    staged: Staged,
    raw: Pixels | None,
    *,
    seconds: Mapping[str, float],
    notes: tuple[str, ...],
    textured: bool = False,
) -> Rendered:
    """The finished master; `raw` is the model's decode at its own size, None where nothing was drawn.

    `textured` gives a ground that was enlarged the fine texture of what the prompt says it is.
    """
    job, canvas, steering = staged.job, staged.canvas, staged.request.steering
    if raw is None:
        background = np.full_like(canvas.expected, 255 if job.background == "white" else canvas.expected[0, 0])
        decode = canvas.expected
    else:
        drawn = background_from(raw, staged.keep, feather=steering.feather)
        background = enlarge(drawn, canvas.size, seed=staged.request.seed)
        material = material_of(job.prompt) if textured and staged.size != canvas.size else None
        if material is not None and job.staging.ground is not None:
            background = lay_texture(background, material, ground=job.staging.ground, seed=staged.request.seed)
        background = retouch(background, canvas.alpha, steering)
        decode = resize_pixels(raw, canvas.size)
        if job.harmony is not None:
            background = harmonise(background, decode, canvas.expected, canvas.alpha, job.harmony)
    for part in canvas.parts:
        colour, alpha = part.on(canvas.size)
        if job.reflection is not None:
            background = reflect(background, colour, alpha, job.reflection, ground=job.staging.ground)
        if job.shadow is not None:
            background = shade(background, alpha, job.shadow, ground=job.staging.ground)
    return Rendered(
        request=staged.request,
        pixels=paste(canvas, background),
        raw=decode,
        expected=canvas.expected,
        alpha=canvas.alpha,
        product_box=canvas.box,
        cut=staged.cut,
        seconds=seconds,
        notes=(*canvas.notes, *notes),
    )
