"""Looking: the page, the list as it goes on, one picture, and how many there are of what."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, Response

from flows.approval.desk import At, Desk, Reader
from flows.approval.forms import Chosen, JobPath, ListQuery, RunId, Status
from flows.approval.views import Views, list_page
from tasks.delivery.ledger import Campaign

PAGE = 40
A_YEAR = 31_536_000  # seconds

routes = APIRouter()


@routes.get("/")
def page(query: Annotated[ListQuery, Query()], language: Reader, desk: At) -> Response:
    run, views = desk.run(query.run), desk.views(language)
    answer = HTMLResponse(desk.page("page.html", views, **_whole(desk, views, run, query)))
    if query.lang:
        answer.set_cookie("lang", query.lang, max_age=A_YEAR, samesite="strict", httponly=True)
    return answer


def _whole(desk: Desk, views: Views, run: Campaign, query: ListQuery) -> dict[str, Any]:
    """The values of the whole page: the first of the list beside the first picture."""
    listed = list_page(desk.workplace, run.run_id, query.filter, after=query.place, size=PAGE)
    counts = desk.ledger.counts(run.run_id)
    return {
        "run": run,
        "runs": desk.ledger.runs(limit=20),
        "chosen": query,
        "link": _linker(query, run.run_id),
        "listed": listed,
        "picture": views.picture(run.run_id, listed.pictures[0].place.job_id) if listed.pictures else None,
        "counts": {status: getattr(counts, status) for status in ("review", "rejected", "approved")},
        "who": desk.who,
        "script_words": _script_words(views),
        "ready": counts.by_state.get("ready", 0) + counts.by_state.get("leased", 0),
    }


@routes.get("/list")
def more(query: Annotated[ListQuery, Query()], language: Reader, desk: At) -> Response:
    run, views = desk.run(query.run), desk.views(language)
    listed = list_page(desk.workplace, run.run_id, query.filter, after=query.place, size=PAGE)
    return HTMLResponse(desk.page("list.html", views, listed=listed, run=run, current=""))


@routes.get("/picture/{job_id}")
def picture(job_id: JobPath, run: RunId, language: Reader, desk: At) -> Response:
    views = desk.views(language)
    found = views.picture(desk.run(run).run_id, job_id)
    if found is None:
        raise HTTPException(404, "there is no such picture in this run")
    return HTMLResponse(desk.page("picture.html", views, picture=found, run=desk.run(run)))


@routes.get("/tally")
def tally(run: RunId, status: Status, language: Reader, desk: At) -> dict[str, list[tuple[str, str, int]]]:
    views = desk.views(language)
    scenes, causes = desk.ledger.tally(desk.run(run).run_id, status)
    by_number = sorted(causes.items(), key=lambda entry: -entry[1])
    return {
        "scene": [(scene, views.scene(scene), count) for scene, count in scenes.items()],
        "cause": [(cause, views.cause(cause), count) for cause, count in by_number],
    }


@routes.get("/count")
def count(query: Annotated[Chosen, Query()], desk: At) -> dict[str, int]:
    run = desk.run(query.run)
    return {"count": len(desk.ledger.listed(run.run_id, query.filter, limit=1_000_000))}


def _script_words(views: Views) -> dict[str, Any]:
    keys = ("offline", "nothing_to_undo", "approve_all_ask", "nothing", "no_original", "no_master")
    return {key: views.say(key) for key in keys} | {"causes": views.causes_to_choose()}


def _linker(query: ListQuery, run_id: str) -> Any:
    """Addresses of this page with some filters changed."""

    def link(**changes: str) -> str:
        values = {"run": run_id, **query.model_dump(exclude={"run", "after", "lang"}), **changes}
        return "/?" + urlencode({name: value for name, value in values.items() if value})

    return link
