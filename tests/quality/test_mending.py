"""Faults planted into real renders of kolors-nano: the table that ships mends them, and nothing but its action does."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tasks.catalog.brief import CampaignBrief
from tasks.findings import Verdict, judge
from tasks.planning import plan_batches
from tasks.quality.checks import check_master
from tasks.quality.models import Models, check_with_models
from tasks.quality.repair import RepairTable, Tried, load_repairs, next_steering
from tasks.quality.thresholds import load_thresholds
from tasks.rendering.job import RenderJob
from tasks.rendering.renderer import Rendered, RenderRequest
from tasks.rendering.steering import steer
from tasks.review import evidence_of
from tasks.settings import PROJECT, Settings
from tasks.steering import PLAIN, Steering
from tasks.workplace import Workplace
from tests.quality.good import CATALOG
from tests.quality.nano_faults import FaultyNano, bleeding, dark, rim, writing

BOOK = load_thresholds(PROJECT / "templates" / "quality")
LIMITS = BOOK.choose().without("decodes")  # no file is written here
TABLE = load_repairs(PROJECT / "templates" / "quality" / "repair.yaml", causes=BOOK.cause_titles)
MODELS = Models()


class Work(NamedTuple):
    """A planned picture and the bytes of its product."""

    job: RenderJob
    images: dict[str, bytes]

    def sized(self, side: int) -> "Work":
        return Work(self.job.model_copy(update={"width": side, "height": side}), self.images)


@pytest.fixture(scope="module")
def flask(tmp_path_factory: pytest.TempPathFactory) -> Work:
    workplace = Workplace(Settings(out=tmp_path_factory.mktemp("out")))
    brief = CampaignBrief(catalog=str(CATALOG), scenes=("wood-morning",))
    entries = (entry for batch in plan_batches(workplace, brief, lambda row: None) for entry in batch)
    entry = next(entry for entry in entries if entry.sku == "YZ-THM-500")
    return Work(entry.job, {entry.job.product_image: workplace.images(brief.catalog).read(entry.image)})


def judged(rendered: Rendered) -> Verdict:
    evidence = evidence_of(rendered, encoded=b"")
    return judge((*check_master(evidence, LIMITS), *check_with_models(evidence, LIMITS, MODELS)))


def draw(renderer: FaultyNano, work: Work, take: int, steering: Steering) -> Rendered:
    (made,) = renderer.render([RenderRequest(steer(work.job, steering), take, work.images, steering)])
    assert isinstance(made, Rendered), made
    return made


def takes(renderer: FaultyNano, work: Work, table: RepairTable) -> Iterator[Tried]:
    """Every take until one passes or the table has nothing left."""
    tried: list[Tried] = []
    steering: Steering | None = PLAIN
    while steering is not None:
        tried.append(Tried(len(tried), judged(draw(renderer, work, len(tried), steering)), steering))
        yield tried[-1]
        steering = next_steering(table, tried)


def only(cause: str, *, with_actions: bool) -> RepairTable:
    """The shipped actions against one cause, or as many takes that do nothing."""
    actions = TABLE.causes[cause]
    return RepairTable.model_validate(
        {"takes": 1, "causes": {cause: actions[:1] if with_actions else [{"seed": actions[0].seed}]}}
    )


@pytest.mark.parametrize(
    ("cause", "renderer", "side"),
    [
        ("exposure", lambda: FaultyNano(dark), 1024),
        ("cast", lambda: FaultyNano(bleeding), 1024),
        ("seam", lambda: FaultyNano(rim, native_size=512), 512),
        ("text", lambda: FaultyNano(writing), 1024),
    ],
)
def test_a_planted_fault_is_mended_by_its_action_and_by_nothing_else(
    flask: Work, cause: str, renderer: Callable[[], FaultyNano], side: int
) -> None:
    faulty, work = renderer(), flask.sized(side)
    first, second = takes(faulty, work, only(cause, with_actions=True))
    assert [each.cause for each in first.verdict.failures if each.severity == "review"] == [cause]
    assert (second.verdict.status, second.steering.causes) == ("approved", (cause,))

    _, without = takes(faulty, work, only(cause, with_actions=False))
    assert without.verdict.status == "review"
    assert cause in {each.cause for each in without.verdict.failures}
