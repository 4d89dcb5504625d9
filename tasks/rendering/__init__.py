"""From a product and a scene to a master: plan, staging, cut-out, controls, Kolors."""

import logging

# diffusers and transformers import torchao wherever it is installed; what it and torch remark on then helps no user.
CHATTY = ("torchao", "torch.utils._pytree", "diffusers.quantizers.torchao")

for name in CHATTY:
    logging.getLogger(name).setLevel(logging.ERROR)
