"""A take that a person asked for with a word: what it adds to the prompt, and what it keeps out."""

import re

from tasks.rendering.job import RenderJob

PARTS = re.compile(r"[,，;；、\n]+")
AVOID = re.compile(r"^(?:不要|别|去掉|no\s+|without\s+|-)\s*", re.IGNORECASE)


def steer(job: RenderJob, words: str) -> RenderJob:
    """The job with the words at the end of its prompt; what follows 不要, 别, 去掉, no, without, - is avoided."""
    parts = [part.strip() for part in PARTS.split(words) if part.strip()]
    wanted = [part for part in parts if not AVOID.match(part)]
    avoided = [AVOID.sub("", part, count=1) for part in parts if AVOID.match(part)]
    if not parts:
        return job
    prompt = "，".join(filter(None, (job.prompt, *wanted)))
    negative = "，".join(filter(None, (job.negative_prompt, *avoided)))
    return job.model_copy(update={"prompt": prompt, "negative_prompt": negative})
