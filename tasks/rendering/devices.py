"""Where a model set is drawn: which device, how much memory it has, what stays on it."""

import logging

import torch

from tasks.rendering.modelset import ModelSet
from tasks.rendering.tiers import Tier, choose_tier, set_facts

logger = logging.getLogger(__name__)

# One at a time on a CPU: a batch is no faster there, and its matrix products round differently from those of one.
BATCH = {"cpu": 1, "mps": 1, "cuda": 4}


def pick_device(wish: str) -> torch.device:
    """ "auto" is the first accelerator there is, else the CPU."""
    if wish != "auto":
        return torch.device(wish)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_memory(wish: str) -> int:
    """Bytes of a CUDA card's memory."""
    return int(torch.cuda.get_device_properties(pick_device(wish)).total_memory)


def tier_of_card(found: ModelSet, device: torch.device) -> Tier:
    """What stays on the card; in main memory and on devices that do not tell their size, everything."""
    if device.type != "cuda":
        return Tier(name="resident", batch=BATCH.get(device.type, 1), peak=0, reason=f"{device.type}: all resident")
    tier = choose_tier(torch.cuda.get_device_properties(device).total_memory, set_facts(found))
    logger.info("model set %s on a %s", found.name, tier.reason)
    return tier
