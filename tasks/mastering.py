"""Which masters a brief has rendered, and which of its placements each of them serves."""

from collections.abc import Iterable
from functools import cached_property

from tasks.banners.masters import Background, MasterPlan, can_serve, plan_masters
from tasks.banners.placement import Placement
from tasks.catalog.brief import CampaignBrief
from tasks.rendering.job import RenderJob
from tasks.shapes import Size
from tasks.workplace import Workplace

BACKGROUNDS: tuple[Background, ...] = ("generated", "white")


class Masters:
    """The master plan of a brief: a matter of its placements and scenes' backgrounds, never of single products."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief) -> None:
        self._placements, self._most = workplace.placements(brief.placements), brief.masters

    @cached_property
    def plans(self) -> dict[Background, MasterPlan]:
        return {
            background: plan_masters(self._placements, background=background, most=self._most)
            for background in BACKGROUNDS
        }

    @property
    def sizes(self) -> tuple[tuple[str, tuple[Size, ...]], ...]:
        """The sizes to render, by background."""
        return tuple((background, plan.sizes) for background, plan in self.plans.items())

    def share_of(self, job: RenderJob, placements: Iterable[Placement]) -> tuple[Placement, ...]:
        """Those of the placements that this job's master is to serve; the others are another master's.

        A master of a size that nobody planned, say of an older run, serves all of them.
        """
        plan = self.plans[job.background]
        if len(plan.sizes) == 1 or job.size not in plan.sizes:
            return tuple(placements)
        return tuple(each for each in placements if self._nearest(each, plan, job.background) == job.size)

    def _nearest(self, placement: Placement, plan: MasterPlan, background: Background) -> Size:
        """The planned size that serves it: as planned, or for a placement that came later, of the same shape."""
        name = placement.id.partition(".")[0]  # a marked set has the placement's name with an ending
        if name in plan.served:
            return plan.served[name]
        if not can_serve(placement, background):
            return plan.sizes[0]
        return min(plan.sizes, key=lambda size: abs(size.ratio / placement.size.ratio - 1))
