"""The file as it will be stored: it opens, and holds the very picture that was judged."""

import io

import numpy as np
from PIL import Image

from tasks.findings import Finding
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds


def check_decodes(regions: Regions, thresholds: Thresholds) -> Finding:
    """`decodes`: share of pixels that come back different from the encoded file; 1 where it does not open."""
    evidence = regions.evidence
    if evidence.encoded is None:
        return thresholds.not_measured("decodes", "no encoded file was handed over")
    try:
        with Image.open(io.BytesIO(evidence.encoded)) as image:
            decoded = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    # Pillow raises SyntaxError for a broken PNG chunk and ValueError for a broken header
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return thresholds.at_most("decodes", 1.0, detail=f"does not open: {error}")
    if decoded.shape != evidence.pixels.shape:
        return thresholds.at_most("decodes", 1.0, detail=f"opens as {decoded.shape}, expected {evidence.pixels.shape}")
    if np.array_equal(decoded, evidence.pixels):
        return thresholds.at_most("decodes", 0.0)
    return thresholds.at_most("decodes", float(np.any(decoded != evidence.pixels, axis=2).mean()))
