"""What a plan says of its masters: shapes, the placements cut from each, renders saved, what one more would gain."""

from typing import Any

from rich.console import Console

from tasks.catalog.brief import CampaignBrief
from tasks.mastering import Masters
from tasks.rendering.plan_lines import PlannedLines
from tasks.workplace import Workplace

# Canonical JSON escapes quotation marks inside words, so this stands in a job of a white scene and nowhere else.
WHITE = b'"background":"white"'


class Savings:
    """Renders of a plan against one render for each placement of each picture."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief) -> None:
        self.masters = Masters(workplace, brief)
        more = brief.model_copy(update={"masters": brief.masters + 1})
        self.with_more = Masters(workplace, more)
        self._jobs = {"generated": 0, "white": 0}

    def add(self, background: str, jobs: int) -> None:
        self._jobs[background] += jobs

    def add_lines(self, lines: PlannedLines) -> None:
        white = lines.text.count(WHITE)
        self._jobs["white"] += white
        self._jobs["generated"] += len(lines.job_ids) - white

    @property
    def saved(self) -> dict[str, int]:
        """By background: only a generated scene's renders take a GPU."""
        return {
            background: round(self._jobs[background] / len(plan.sizes) * plan.saved)
            for background, plan in self.masters.plans.items()
        }

    def fields(self) -> dict[str, Any]:
        """For programs."""
        masters = {
            background: {
                "sizes": plan.sizes,
                "served": plan.served,
                "lacking": {name: fit._asdict() for name, fit in plan.lacking.items()},
            }
            for background, plan in self.masters.plans.items()
        }
        return {"masters": masters, "renders": self._jobs, "gpu_renders_saved": self.saved["generated"]}


def print_masters(savings: Savings, console: Console) -> None:
    """The master plan for people."""
    for background, plan in savings.masters.plans.items():
        sizes = " + ".join(str(size) for size in plan.sizes)
        console.print(
            f"母版 Masters, {background}: [bold]{sizes}[/] 供 serve {len(plan.served)} 个版位 placements",
            highlight=False,
        )
        more = savings.with_more.plans[background]
        if len(more.lacking) < len(plan.lacking):
            gained = [name for name in plan.lacking if name not in more.lacking]
            shapes = " + ".join(str(size) for size in more.sizes)
            console.print(
                f"  --masters {len(more.sizes)} ({shapes}) 可免补边或放大 would show more of the scene in:"
                f" {', '.join(gained)}",
                highlight=False,
                soft_wrap=True,
            )
    saved = savings.saved["generated"]
    console.print(f"省下 Saved: [bold]{saved}[/] 次 GPU 渲染 renders, against one for each placement.", highlight=False)
