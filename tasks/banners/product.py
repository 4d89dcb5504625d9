"""The product in a finished picture against its placement's rules: how large it is and where it stands."""

from collections.abc import Iterator

import cv2
import numpy as np

from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.banners.rules import Insets, Rule
from tasks.findings import Finding
from tasks.shapes import Box, Size

# What is at least this much darker than white is taken for the product of a picture that we did not make.
PRODUCT_DARKNESS = 12
# Boxes are whole pixels, rounded outwards: this much of a product inside the safe area is all of it.
SAFE_SHARE = 0.99


def find_product(pixels: Pixels) -> Box | None:
    """The box around what is not white; None where nothing is."""
    darkest = cv2.medianBlur(pixels.min(axis=2), 3)
    left, top, width, height = cv2.boundingRect((darkest < 255 - PRODUCT_DARKNESS).astype(np.uint8))
    return Box(left, top, left + width, top + height) if width and height else None


def product_findings(size: Size, product: Box | None, placement: Placement) -> Iterator[Finding]:
    """One finding for every rule about the product, whose box in a picture of that size may not be known."""
    if product and placement.safe_area:
        yield _safe_finding(_as_placed(product, size, placement.size), placement, placement.safe_area)
    if product and placement.thumbnail:
        yield _shown_finding(_as_placed(product, size, placement.size), placement, placement.thumbnail)
    yield from _size_findings(size, product, placement)


def _size_findings(size: Size, product: Box | None, placement: Placement) -> Iterator[Finding]:
    rules = (
        ("product-share", placement.product_share),
        ("product-gap", placement.product_gap),
        ("min-product", placement.min_product),
    )
    for check, rule in rules:
        if rule is None:
            continue
        if product is None:
            detail = "cannot be measured: where the product ends is not known"
            yield Finding(check=check, value=None, limit=None, passed=False, severity="note", detail=detail)
        elif check == "min-product":
            yield _min_product_finding(size, product, placement)
        else:
            yield _long_side_finding(check, size, product, placement)


def _long_side_finding(check: str, size: Size, product: Box, placement: Placement) -> Finding:
    """The product's longer side, as a share of its frame side or by the wider of its two gaps."""
    across = product.width / size.width >= product.height / size.height
    frame = size.width if across else size.height
    low, high = (product.left, product.right) if across else (product.top, product.bottom)
    if check == "product-share" and placement.product_share:
        share, limit = (high - low) / frame, placement.product_share.value
        return placement.product_share.finding(check, value=round(share, 4), limit=limit, passed=share >= limit)
    if placement.product_gap is None:
        raise ValueError(f"{placement.id} has no rule for {check}")
    # Stated for a picture of the placement's own size.
    gap = max(low, frame - high) * max(placement.size) / max(size)
    limit_px = placement.product_gap.value
    return placement.product_gap.finding(
        check, value=round(gap, 1), limit=limit_px, passed=gap <= limit_px, detail="px"
    )


def _min_product_finding(size: Size, product: Box, placement: Placement) -> Finding:
    if placement.min_product is None:
        raise ValueError(f"{placement.id} has no rule for min-product")
    least = placement.min_product.value
    scale = max(placement.size) / max(size)
    found = Size(round(product.width * scale), round(product.height * scale))
    # Sellers read "300 x 300" of a thin product as its longer side; both readings are in the detail.
    return placement.min_product.finding(
        "min-product",
        value=min(found),
        limit=min(least),
        passed=found.width >= least.width and found.height >= least.height,
        detail=f"product {found}, expected {least} or more",
    )


def _as_placed(product: Box, size: Size, wanted: Size) -> Box:
    """The box as it would be in a picture of the placement's own size."""
    across, down = wanted.width / size.width, wanted.height / size.height
    left, right = round(product.left * across), round(product.right * across)
    return Box(left, round(product.top * down), right, round(product.bottom * down))


def _safe_finding(product: Box, placement: Placement, rule: Rule[Insets]) -> Finding:
    """Share of the product that the platform does not cover."""
    share = _share_inside(product, placement.safe_box)
    return rule.finding(
        "safe-area", value=round(share, 4), limit=SAFE_SHARE, passed=share >= SAFE_SHARE, detail="share of the product"
    )


def _shown_finding(product: Box, placement: Placement, rule: Rule[Insets]) -> Finding:
    """Share of the product that the thumbnail shows."""
    share = _share_inside(product, placement.product_box)
    return rule.finding(
        "thumbnail", value=round(share, 4), limit=SAFE_SHARE, passed=share >= SAFE_SHARE, detail="share of the product"
    )


def _share_inside(product: Box, part: Box) -> float:
    return product.common(part).area / product.area
