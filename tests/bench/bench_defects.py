"""What the checks find: planted defects at graded strength against their clean twins, drawn afresh by seed.

Run: python -m tests.bench defects. With other numbers: python -m tests.bench.bench_defects --drawn 60 --rendered 48
--seed 7. Strength 1 of each defect is what a buyer would notice, in words in tests/quality/planting.py.
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.checks import MASTER_CHECKS
from tasks.quality.evidence import Evidence
from tasks.quality.models import Models, check_with_models
from tasks.quality.regions import Regions
from tasks.quality.thresholds import load_thresholds
from tests.quality.good import Good, drawn, rendered
from tests.quality.planting import DEFECTS, Defect

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
MODELS = Models()
STRENGTHS = (0.25, 0.5, 1.0, 1.5)
CURVE = 3  # every so many pictures get every strength, the others 1 alone


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments or [])
    cv2.setNumThreads(1)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        pictures = good_pictures(options.drawn, options.rendered, seed=options.seed, folder=Path(folder))
        for number, good in enumerate(pictures):
            tally.clean(good)
            for defect in DEFECTS:
                for strength in STRENGTHS if number % CURVE == 0 else (1.0,):
                    tally.planted(defect, good, strength, seed=options.seed * 100_003 + number)
    print(
        f"{options.drawn} drawn pictures and {options.rendered} renders of kolors-nano, 1024x1024, seed {options.seed}"
    )
    print(tally.table())


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_defects")
    parser.add_argument("--drawn", type=int, default=24)
    parser.add_argument("--rendered", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def good_pictures(of_paint: int, of_nano: int, *, seed: int, folder: Path) -> Iterator[Good]:
    """Drawn ones, then rendered ones."""
    yield from (drawn(seed * 10_007 + number) for number in range(of_paint))
    yield from rendered(of_nano, seed=seed, folder=folder)


class Tally:
    """Counts by check and by defect."""

    def __init__(self) -> None:
        self._alarms: Counter[str] = Counter()  # by check, on clean pictures
        self._judged: Counter[str] = Counter()
        self._found: dict[tuple[str, float], Counter[bool]] = defaultdict(Counter)
        self._unsure: Counter[str] = Counter()  # by defect, at strength 1: no check could measure

    def clean(self, good: Good) -> None:
        wanted = {check for defect in DEFECTS for check in defect.checks}
        for finding in judge_by(good.evidence, wanted):
            if finding.value is not None:
                self._judged[finding.check] += 1
                self._alarms[finding.check] += not finding.passed

    def planted(self, defect: Defect, good: Good, strength: float, *, seed: int) -> None:
        if good.shadow is None and set(defect.checks) & {"floating", "light"}:
            return
        spoilt = defect.plant(good, strength, np.random.default_rng([seed, *defect.name.encode()]))
        findings = judge_by(spoilt, set(defect.checks))
        measured = [finding for finding in findings if finding.value is not None]
        if measured:
            self._found[defect.name, strength][any(not finding.passed for finding in measured)] += 1
        self._unsure[defect.name] += strength == 1 and not measured

    def table(self) -> str:
        """Markdown: a line for each defect, its checks, the curve, false alarms of its checks on clean pictures."""
        curve = " | ".join(f"at {strength:g}" for strength in STRENGTHS)
        lines = [
            f"| defect | noticed, strength 1 | checks | {curve} | false alarms | not measured |",
            "|---|---|---|" + "---|" * (len(STRENGTHS) + 2),
        ]
        for defect in DEFECTS:
            rates = " | ".join(self._rate(defect.name, strength) for strength in STRENGTHS)
            alarms, judged = (sum(count[check] for check in defect.checks) for count in (self._alarms, self._judged))
            false = f"{alarms} of {judged}"
            cells = (
                defect.name,
                defect.noticed,
                ", ".join(defect.checks),
                rates,
                false,
                str(self._unsure[defect.name]),
            )
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    def _rate(self, name: str, strength: float) -> str:
        counts = self._found[name, strength]
        return f"{counts[True] / max(1, counts.total()):.0%}"


def judge_by(evidence: Evidence, names: Iterable[str]) -> list[Finding]:
    """Findings of these checks alone."""
    wanted, regions, found = set(names), Regions(evidence), []
    for check in MASTER_CHECKS:
        if wanted & set(check.names):
            result = check.run(regions, LIMITS)
            found += [result] if isinstance(result, Finding) else list(result)
    if "text" in wanted:
        found += [each for each in check_with_models(evidence, LIMITS, MODELS) if each.check == "text"]
    return [finding for finding in found if finding.check in wanted]


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
