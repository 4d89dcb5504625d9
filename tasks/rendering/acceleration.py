"""Cheaper steps, as a job's sampler asks for them: inner blocks reused, guidance in part of the steps only.

Hooks around the library's own modules for the length of one picture; nothing of them stays behind. diffusers has step
caches for transformers only (FirstBlockCache, FasterCache, TaylorSeer); for a UNet the cache is DeepCache's: everything
but the outermost blocks keeps what it gave in the last full step (arXiv 2312.00858).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from tasks.rendering.job import Sampler


@contextmanager
def accelerated(unet: Any, nets: Sequence[Any], sampler: Sampler) -> Iterator[None]:
    """Within it each call of the UNet is one step of the sampler. Without guidance there is nothing to halve."""
    steps = Steps(sampler)
    guided = sampler.guidance_scale > 1
    with ExitStack() as stack:
        for net in nets:
            stack.enter_context(_hooked(net, steps, guided=guided, control=True))
        stack.enter_context(_hooked(unet, steps, guided=guided, control=False))
        if sampler.cache_interval > 1:
            inner = [*unet.down_blocks[1:], unet.mid_block, *unet.up_blocks[:-1], *nets]
            for module in inner:
                stack.enter_context(_cached(module, steps))
        yield


class Steps:
    """Which step it is, and what is done in it."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.index = 0

    @property
    def guides(self) -> bool:
        """Whether this step runs with and without the prompt."""
        middle = (self.index + 0.5) / self._sampler.steps
        return self._sampler.guidance_start <= middle <= self._sampler.guidance_end

    @property
    def controls_half(self) -> bool:
        return self._sampler.control_half

    @property
    def reuses(self) -> bool:
        """Whether this step takes what the last full one kept."""
        return self.index % self._sampler.cache_interval != 0


@contextmanager
def _hooked(module: Any, steps: Steps, *, guided: bool, control: bool) -> Iterator[None]:
    """Give the module the conditional half of its rows where the other is not wanted, and give back both."""
    halved: list[bool] = []

    def before(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        half = guided and (not steps.guides or (control and steps.controls_half))
        halved.append(half)
        rows = args[0].shape[0]
        return (_second_half(args, rows), _second_half(kwargs, rows)) if half else (args, kwargs)

    def after(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        half = halved.pop()
        empty = control and steps.guides  # the pass without the prompt goes without the control
        if not control:
            steps.index += 1
        return _doubled(output, empty=empty) if half else output

    handles = [
        module.register_forward_pre_hook(before, with_kwargs=True),
        module.register_forward_hook(after, with_kwargs=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _cached(module: Any, steps: Steps) -> Iterator[None]:
    """Give out the last full step's result again in the steps between, where it has the rows that are asked for."""
    run = module.forward
    kept: dict[int, Any] = {}

    def forward(*args: Any, **kwargs: Any) -> Any:
        rows = (args[0] if args else kwargs["hidden_states"]).shape[0]
        if rows not in kept or not steps.reuses:
            kept.clear()
            kept[rows] = run(*args, **kwargs)
        return kept[rows]

    module.forward = forward
    try:
        yield
    finally:
        del module.forward


def _second_half(value: Any, rows: int) -> Any:
    """Tensors of `rows` rows cut to their second half, wherever they are in tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        return value[rows // 2 :] if value.ndim and value.shape[0] == rows else value
    if isinstance(value, dict):
        return {key: _second_half(one, rows) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_second_half(one, rows) for one in value)
    return value


def _doubled(value: Any, *, empty: bool) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.cat([torch.zeros_like(value) if empty else value, value])
    return type(value)(_doubled(one, empty=empty) for one in value)
