"""Training state on disk, as safetensors (weights, Adam's moments, the step): a run goes on where it stopped."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


def share_cores() -> None:
    """One thread while others want the cores, all of them when they are free: waiting for a busy core costs most.

    OMP_NUM_THREADS, where set, is the most that are used.
    """
    wanted = os.getloadavg()[0]
    cores, threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1), torch.get_num_threads()
    if threads == 1 and wanted < cores * 1.1:
        torch.set_num_threads(cores)
    elif threads > 1 and wanted > cores * 1.6:
        torch.set_num_threads(1)


class Trainer:
    """A module, its AdamW and an averaged copy of its weights, with a cosine schedule over a wall-clock budget.

    A budget in seconds instead of a number of steps: on shared cores the speed is not known beforehand.
    """

    def __init__(
        self,
        module: nn.Module,
        path: Path,
        *,
        rate: float,
        seconds: float,
        decay: float = 0.999,
        faster: Mapping[str, float] | None = None,
    ) -> None:
        """`faster` maps a part of a parameter's name to what its rate is multiplied with; the first fit counts."""
        self.module, self.path, self.rate, self.seconds, self.decay = module, path, rate, seconds, decay
        self.names = {name: p for name, p in module.named_parameters() if p.requires_grad}
        groups = [
            {"params": [parameter], "factor": next((f for part, f in (faster or {}).items() if part in name), 1.0)}
            for name, parameter in self.names.items()
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), weight_decay=1e-3)
        self.average = {name: p.detach().clone() for name, p in self.names.items()}
        self.step, self.spent = 0, 0.0
        self._clock = time.monotonic()
        if path.exists():
            self._resume()

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0..1."""
        return min((self.spent + time.monotonic() - self._clock) / self.seconds, 1.0)

    @property
    def done(self) -> bool:
        return self.share >= 1

    def learn(self, loss: torch.Tensor) -> None:
        """One step down the gradient of `loss`, and the averaged weights a little after it."""
        loss.backward()
        self._step()

    def learn_at_once(self, losses: Sequence[Callable[[], torch.Tensor]]) -> float:
        """One step down the mean of several losses, each worked out by a thread of its own; returns that mean.

        Small nets keep two cores busy this way and not by sharing each operation: their operations are too short.
        """
        with ThreadPoolExecutor(len(losses), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            found = list(pool.map(self._gradients, losses))
        for number, parameter in enumerate(self.names.values()):
            parameter.grad = torch.stack([gradients[number] for _, gradients in found]).mean(0)
        self._step()
        return sum(loss for loss, _ in found) / len(found)

    def _gradients(self, loss: Callable[[], torch.Tensor]) -> tuple[float, list[torch.Tensor]]:
        value, parameters = loss(), list(self.names.values())
        found = torch.autograd.grad(value, parameters, allow_unused=True)
        return float(value.detach()), [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(parameters, found, strict=True)
        ]

    def _step(self) -> None:
        nn.utils.clip_grad_norm_(self.names.values(), 1.0)
        warm = min((self.step + 1) / 60, 1.0)
        fall = 1 - self.share**2 * 0.96
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * warm * fall * group["factor"]
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % 5 == 0:
            share_cores()
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.names.items():
                self.average[name].lerp_(parameter, 1 - decay)

    def load_average(self) -> None:
        """Put the averaged weights into the module."""
        with torch.no_grad():
            for name, parameter in self.names.items():
                parameter.copy_(self.average[name])

    def save(self) -> None:
        self.spent, self._clock = self.spent + time.monotonic() - self._clock, time.monotonic()
        tensors = {f"weight.{n}": p.detach().contiguous() for n, p in self.names.items()}
        tensors |= {f"average.{n}": p.contiguous() for n, p in self.average.items()}
        for name, parameter in self.names.items():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = value.detach().contiguous()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        save_file(
            {k: v.clone() for k, v in tensors.items()},
            partial,
            metadata={"step": str(self.step), "spent": str(self.spent)},
        )
        partial.rename(self.path)

    def _resume(self) -> None:
        with safe_open(self.path, "pt") as file:
            self.step, self.spent = int(file.metadata()["step"]), float(file.metadata()["spent"])
            keys = set(file.keys())
            with torch.no_grad():
                for name, parameter in self.names.items():
                    if f"weight.{name}" not in keys:
                        continue  # a start that knows less, see `write_start`
                    parameter.copy_(file.get_tensor(f"weight.{name}"))
                    self.average[name].copy_(file.get_tensor(f"average.{name}"))
                    if f"exp_avg.{name}" in keys:
                        state = self.optimiser.state[parameter]
                        for key in ("step", "exp_avg", "exp_avg_sq"):
                            state[key] = file.get_tensor(f"{key}.{name}")


def write_start(module: nn.Module, path: Path, *, prefix: str = "") -> None:
    """A training state that begins from the module's weights, under `prefix`, with nothing of the budget spent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().float().contiguous() for name, value in module.named_parameters()}
    tensors = {
        f"{kind}.{prefix}{name}": value.clone() for kind in ("weight", "average") for name, value in weights.items()
    }
    save_file(tensors, path, metadata={"step": "0", "spent": "0.0"})


def read_average(module: nn.Module, path: Path, *, prefix: str = "") -> None:
    """Put the averaged weights saved under `prefix` into the module; nothing happens while there is no such file."""
    if not path.exists():
        return
    with safe_open(path, "pt") as file:
        start = f"average.{prefix}"
        found = {key.removeprefix(start): file.get_tensor(key) for key in file.keys() if key.startswith(start)}  # noqa: SIM118
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in found:
                parameter.copy_(found[name])
