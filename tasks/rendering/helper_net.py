"""What the nets beside the picture model have in common. Free of torch until one is asked for."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

from tasks.loading import LOADING

Model = TypeVar("Model")


@dataclass
class HelperNet(ABC, Generic[Model]):
    """One model in a folder, loaded when first asked; threads take turns by `_lock`."""

    model: Model
    folder: Path
    device: str = "cpu"

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._net: Any = None

    @abstractmethod
    def _open(self) -> Any:
        """The net as its class reads it from the folder."""

    def _load(self) -> Any:
        if self._net is None:
            with LOADING:
                net = self._open()
            self._net = net.eval().to(self.device)
        return self._net
