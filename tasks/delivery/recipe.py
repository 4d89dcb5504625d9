"""The recipe inside a master: what it takes to render it again, and to make renditions of it without the ledger."""

import orjson

from tasks.delivery.ledger import LeasedJob
from tasks.shapes import Box


def master_recipe(lease: LeasedJob, *, product_box: Box) -> str:
    """JSON with the canonical spec, take and address, what the take was steered by, and where the product is."""
    address = orjson.dumps(
        {
            "job_id": lease.job_id,
            "sku": lease.sku,
            "scene": lease.scene,
            "variant": lease.variant,
            "take": lease.take,
            "image": lease.image,
            "product_box": tuple(product_box),
            **({"bundle": lease.facts["bundle"]} if lease.facts.get("bundle") else {}),
            **({"steering": orjson.loads(lease.order)} if lease.order else {}),
        }
    )
    # the spec as it was hashed, byte for byte
    return (address[:-1] + b',"job":' + lease.spec + b"}").decode()
