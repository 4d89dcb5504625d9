"""The models beside the picture model that a shop may bring, for `doctor` and `models list`. Free of torch."""

from collections.abc import Iterator, Mapping

from tasks.rendering import estimators, segmenters


def helpers() -> Iterator[tuple[str, str, Mapping[str, tuple[str, str, str]]]]:
    """What each is for, in English and Chinese, and the reviewed models for it (name -> kind, licence, source)."""
    yield "cut-out model", "抠图：既无透明又非纯色底的商品图", segmenters.REVIEWED
    yield "depth model", "深度：场景的 depth 控制要求 relief 时", estimators.REVIEWED
