"""Time of the quality checks on one core, and the share of each. Run: python -m tests.bench.bench_quality"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from tasks.quality.checks import MASTER_CHECKS, check_master
from tasks.quality.duplicates import DuplicateIndex, Signature, check_duplicate, sign
from tasks.quality.evidence import Evidence
from tasks.quality.regions import Regions
from tasks.quality.text import TextDetector, check_text
from tasks.quality.thresholds import load_thresholds
from tests.quality.defects import tinted
from tests.quality.pictures import master

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
ROUNDS = 7
INDEXED = 50_000


def best(run: Callable[[], object]) -> float:
    """Least of some rounds, in milliseconds of processor time: other programs on the machine do not count."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds) * 1000


def shared(evidence: Evidence) -> Regions:
    """Regions with what several checks share already made."""
    regions = Regions(evidence)
    _ = regions.levels, regions.half, regions.solid, regions.core, regions.around
    return regions


def filled_index() -> DuplicateIndex:
    generator, index = np.random.default_rng(0), DuplicateIndex()
    for number in range(INDEXED):
        bits = generator.integers(0, 2**63, 4).astype(np.uint64)
        index.add(Signature(bits, np.zeros(48, np.int8)), job_id=str(number), sku="s")
    return index


def main() -> None:
    cv2.setNumThreads(1)
    clean = replace(master("marble", "mug"), light=315.0)
    changed = tinted(clean)  # the colour difference has a short cut where every pixel is equal: time the long way
    index = filled_index()
    rows = {"masks and reductions": best(lambda: shared(clean))}
    for check in MASTER_CHECKS:
        evidence = changed if "colour_median" in check.names else clean
        if evidence.background in check.backgrounds:
            regions = shared(evidence)
            rows[" + ".join(check.names)] = best(partial(check.run, regions, LIMITS))
    rows["sign (for duplicates)"] = best(lambda: sign(clean.pixels))
    signature = sign(clean.pixels)
    rows[f"duplicate among {INDEXED:,}"] = best(lambda: check_duplicate(index, signature, LIMITS, job_id="x"))
    together = best(lambda: check_master(clean, LIMITS)) + sum(list(rows.values())[-2:])
    print("1024x1024 master, one core, least of", ROUNDS)
    print(f"{'check':34}{'ms':>8}{'share':>8}")
    for name, milliseconds in sorted(rows.items(), key=lambda row: -row[1]):
        print(f"{name:34}{milliseconds:8.1f}{milliseconds / sum(rows.values()):8.0%}")
    print(f"{'all checks in one call':34}{together:8.1f}{'':8}  of 150 ms: {together / 150:.0%}")
    detector = TextDetector()
    start = time.process_time()
    detector.find(clean.pixels)
    loading = time.process_time() - start
    text = best(lambda: check_text(Regions(clean), LIMITS, detector))
    print(f"{'text detector':34}{text:8.1f}{'':8}  of 600 ms: {text / 600:.0%}; loaded in {loading:.1f} s, once")


if __name__ == "__main__":
    main()
