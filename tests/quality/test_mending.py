"""Faults planted into real renders of kolors-nano: the table that ships mends them, and nothing but its action does."""

from collections.abc import Callable
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


def take(renderer: FaultyNano, work: Work, number: int, steering: Steering, before: Rendered | None) -> Rendered:
    """Finished anew from what was drawn before where the steering keeps it, else drawn."""
    request = RenderRequest(steer(work.job, steering), number, work.images, steering)
    if before is not None and before.rework is not None and steering.drawn_as(PLAIN, take=0):
        made = before.rework(request)
    else:
        (made,) = renderer.render([request])
    assert isinstance(made, Rendered), made
    return made


def idle(cause: str) -> RepairTable:
    """A take that does nothing, where the table that ships does something."""
    return RepairTable.model_validate({"takes": 1, "causes": {cause: [{"seed": TABLE.causes[cause][0].seed}]}})


@pytest.mark.parametrize(
    ("cause", "renderer", "side"),
    [
        ("exposure", lambda: FaultyNano(dark), 1024),
        ("cast", lambda: FaultyNano(bleeding), 1024),
        pytest.param("seam", lambda: FaultyNano(rim, native_size=512), 512, marks=pytest.mark.slow),
        pytest.param("text", lambda: FaultyNano(writing), 1024, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_a_planted_fault_is_mended_by_its_action_and_by_nothing_else(
    flask: Work, cause: str, renderer: Callable[[], FaultyNano], side: int
) -> None:
    faulty, work = renderer(), flask.sized(side)
    first = take(faulty, work, 0, PLAIN, None)
    tried = Tried(0, judged(first))
    assert [each.cause for each in tried.verdict.failures if each.severity == "review"] == [cause]

    steering, nothing = (next_steering(table, [tried]) for table in (TABLE, idle(cause)))
    assert steering is not None
    assert nothing is not None
    assert steering.causes == (cause,)
    assert judged(take(faulty, work, 1, steering, first)).status == "approved"

    without = judged(take(faulty, work, 1, nothing, first))
    assert without.status == "review"
    assert cause in {each.cause for each in without.failures}
