"""The approval page as an ASGI application. Every path parameter is a checked id that only the ledger is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlencode

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field

from flows.approval import stored
from flows.approval.guard import COOKIE, Door, Guard
from flows.approval.pictures import Pictures
from flows.approval.publishing import Publisher
from flows.approval.views import OTHER, Views, list_page
from flows.approval.wording import Language
from tasks.delivery.ledger import Campaign, Filter, Place, Wish
from tasks.errors import LedgerError, LedgerUnavailable, StaleDecision
from tasks.workplace import Workplace

FOLDER = Path(__file__).with_name("page")
FILES = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
PAGE = 40
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}  # a take's pixels never change

RunId = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]
RunPath = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]
JobPath = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{8,64}$")]
TakePath = Annotated[int, PathParameter(ge=0, le=10_000)]
PlacementPath = Annotated[str, PathParameter(pattern=r"^[\w.-]{1,80}$")]
Cause = Annotated[str, Field(pattern=r"^[a-z_]{0,40}$")]
Text = Annotated[str, Field(max_length=80)]
Who = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
Request_ = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
Status = Literal["review", "rejected", "approved"]


class Chosen(BaseModel, extra="forbid"):
    """Filters of the list."""

    run: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})?$")] = ""
    status: Status = "review"
    text: Text = ""
    scene: Annotated[str, Field(pattern=r"^[\w.-]{0,80}$")] = ""
    cause: Cause = ""

    @property
    def filter(self) -> Filter:
        return Filter(self.status, self.text.strip(), self.scene, self.cause)


class ListQuery(Chosen):
    """A page of the list; `after` is the place where the one before ended."""

    after: Annotated[str, Field(pattern=r"^(\d{1,12}\.[0-9a-f]{8,64})?$")] = ""
    lang: Literal["", "zh", "en"] = ""

    @property
    def place(self) -> Place | None:
        ordinal, _, job_id = self.after.partition(".")
        return Place(int(ordinal), job_id) if job_id else None


class DecisionForm(BaseModel, extra="forbid"):
    """One decision as the page sends it; `version` is of the picture as it was shown."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]
    job_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    decision: Literal["approve", "reject", "new_take", "undo"]
    version: Annotated[str, Field(pattern=r"^\d{1,6}-\d{1,15}$")]
    request: Request_
    cause: Cause = ""
    words: Annotated[str, Field(max_length=200)] = ""
    who: Who = ""


class BulkForm(Chosen):
    """Approve all that the filter finds, which the person saw to be `count`."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    request: Request_
    who: Who = ""


class RunForm(BaseModel, extra="forbid"):
    """A run to publish."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$")]


class Desk:
    """What the handlers share."""

    def __init__(self, workplace: Workplace, *, run_id: str, who: str, door: Door) -> None:
        self.workplace, self.ledger, self.who, self.door = workplace, workplace.ledger, who, door
        self.run_id = run_id
        self.pictures = Pictures(workplace)
        self.publisher = Publisher(workplace)

    def run(self, run_id: str) -> Campaign:
        """The run asked for, else the one the server was started for, else the latest."""
        try:
            wanted = run_id or self.run_id
            run = self.ledger.run(wanted) if wanted else self.ledger.last_run()
        except LedgerUnavailable:
            raise
        except LedgerError:
            run = None
        if run is None:
            raise HTTPException(404, "there is no such run")
        return run

    def page(self, name: str, views: Views, **values: Any) -> str:
        return _templates().get_template(name).render(views=views, say=views.say, **values)


def make_app(workplace: Workplace, *, run_id: str = "", who: str = "", token: str | None = None) -> FastAPI:
    """The application for one workplace; without a token it answers to loopback names only."""
    door = Door(token)
    desk = Desk(workplace, run_id=run_id, who=who, door=door)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        desk.publisher.start()
        yield
        desk.publisher.stop()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.desk = desk
    app.add_middleware(Guard, door=door)
    app.add_exception_handler(LedgerUnavailable, _ledger_away)
    for add in (_add_pages, _add_pictures, _add_decisions, _add_door):
        add(app, desk)
    app.include_router(stored.routes)
    return app


def _ledger_away(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "账本暂时没有回应，请再试 The ledger does not answer; try again"}, 503)


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang") or request.cookies.get("lang")
    return "en" if asked == "en" else "zh"


Reader = Annotated[Language, Depends(_language)]


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/")
    def page(query: Annotated[ListQuery, Query()], language: Reader) -> Response:
        run, views = desk.run(query.run), Views(desk.workplace, language)
        listed = list_page(desk.workplace, run.run_id, query.filter, after=query.place, size=PAGE)
        first = views.picture(run.run_id, listed.pictures[0].place.job_id) if listed.pictures else None
        counts = desk.ledger.counts(run.run_id)
        text = desk.page(
            "page.html",
            views,
            run=run,
            runs=desk.ledger.runs(limit=20),
            chosen=query,
            link=_linker(query, run.run_id),
            listed=listed,
            picture=first,
            counts={status: getattr(counts, status) for status in ("review", "rejected", "approved")},
            who=desk.who,
            script_words=_script_words(views),
            ready=counts.by_state.get("ready", 0) + counts.by_state.get("leased", 0),
        )
        answer = HTMLResponse(text)
        if query.lang:
            answer.set_cookie("lang", query.lang, max_age=31_536_000, samesite="strict", httponly=True)
        return answer

    @app.get("/list")
    def more(query: Annotated[ListQuery, Query()], language: Reader) -> Response:
        run, views = desk.run(query.run), Views(desk.workplace, language)
        listed = list_page(desk.workplace, run.run_id, query.filter, after=query.place, size=PAGE)
        return HTMLResponse(desk.page("list.html", views, listed=listed, run=run, current=""))

    @app.get("/picture/{job_id}")
    def picture(job_id: JobPath, run: RunId, language: Reader) -> Response:
        views = Views(desk.workplace, language)
        found = views.picture(desk.run(run).run_id, job_id)
        if found is None:
            raise HTTPException(404, "there is no such picture in this run")
        return HTMLResponse(desk.page("picture.html", views, picture=found, run=desk.run(run)))

    @app.get("/tally")
    def tally(run: RunId, status: Status, language: Reader) -> dict[str, list[tuple[str, str, int]]]:
        views = Views(desk.workplace, language)
        scenes, causes = desk.ledger.tally(desk.run(run).run_id, status)
        by_number = sorted(causes.items(), key=lambda entry: -entry[1])
        return {
            "scene": [(scene, views.scene(scene), count) for scene, count in scenes.items()],
            "cause": [(cause, views.cause(cause), count) for cause, count in by_number],
        }

    @app.get("/count")
    def count(query: Annotated[Chosen, Query()]) -> dict[str, int]:
        run = desk.run(query.run)
        return {"count": len(desk.ledger.listed(run.run_id, query.filter, limit=1_000_000))}


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    for name, media_type in FILES.items():
        app.add_route(f"/{name}", partial(_file, name, media_type))

    @app.get("/thumb/{job_id}/{take}")
    def thumb(job_id: JobPath, take: TakePath) -> Response:
        return _shown(desk.pictures.thumb(job_id, take), "image/webp")

    @app.get("/master/{job_id}/{take}")
    def master(job_id: JobPath, take: TakePath) -> Response:
        return _shown(desk.pictures.master(job_id, take), "image/jpeg")

    @app.get("/file/{job_id}/{take}")
    def master_file(job_id: JobPath, take: TakePath) -> Response:
        return _shown(desk.pictures.master_file(job_id, take), "image/png")

    @app.get("/product/{run}/{job_id}")
    def product(run: RunPath, job_id: JobPath) -> Response:
        return _shown(desk.pictures.original(desk.run(run).run_id, job_id), "image/webp")

    @app.get("/rendition/{job_id}/{take}/{placement}")
    def rendition(job_id: JobPath, take: TakePath, placement: PlacementPath) -> Response:
        return _shown(*(desk.pictures.rendition(job_id, take, placement) or (None, "")))


def _add_decisions(app: FastAPI, desk: Desk) -> None:
    @app.post("/decide")
    def decide(form: DecisionForm, language: Reader) -> Response:
        run, views = desk.run(form.run), Views(desk.workplace, language)
        if form.decision == "reject" and form.cause not in {cause for cause, _ in views.causes_to_choose()}:
            raise HTTPException(422, f"no such cause; one of the templates' or {OTHER}")
        if desk.ledger.record(run.run_id, form.job_id) is None:
            raise HTTPException(404, "there is no such picture in this run")
        wish = Wish(
            job_id=form.job_id,
            decision=form.decision,
            version=form.version,
            who=form.who.strip() or desk.who,
            request=form.request,
            cause=form.cause,
            words=" ".join(form.words.split()),
        )
        try:
            made = desk.ledger.decide(wish)
        except StaleDecision:
            return JSONResponse({"message": _who_was_faster(desk, views, form.job_id)}, 409)
        desk.publisher.decided(run.run_id, form.job_id)
        picture = views.picture(run.run_id, form.job_id)
        status, version = (picture.status, picture.version) if picture else ("", "")
        return JSONResponse({"id": made.id, "status": status, "status_word": views.say(status), "version": version})

    @app.post("/approve-all")
    def approve_all(form: BulkForm, language: Reader) -> Response:
        run, views = desk.run(form.run), Views(desk.workplace, language)
        if form.status != "review":
            raise HTTPException(422, "only pictures that wait for a person are approved together")
        who = form.who.strip() or desk.who
        try:
            done = desk.ledger.approve_all(run.run_id, form.filter, expected=form.count, who=who, request=form.request)
        except StaleDecision:
            return JSONResponse({"message": views.say("stale_all")}, 409)
        for job_id in done:
            desk.publisher.decided(run.run_id, job_id)
        return JSONResponse({"message": views.say("approved_all", count=len(done))})

    @app.post("/publish")
    def publish(form: RunForm) -> dict[str, bool]:
        desk.publisher.publish(desk.run(form.run).run_id)
        return {"started": True}

    @app.get("/standing")
    def standing(run: RunId, language: Reader) -> dict[str, Any]:
        found, say = desk.publisher.standing(desk.run(run).run_id), Views(desk.workplace, language).say
        counts = desk.ledger.counts(desk.run(run).run_id)
        if found.trouble:
            message = f"{say('trouble')}: {found.trouble}"
        elif found.running:
            message = say("running")
        elif found.busy:
            message = say("publishing" if not counts.review else "composing")
        elif found.waiting:
            message = say("unpublished", count=found.waiting)
        else:
            message = say("left_over", count=found.unfinished) if found.unfinished else say("published")
        return {
            "message": message,
            "busy": found.busy,
            "can_publish": bool(found.waiting) and not found.running and not found.busy,
            "trouble": bool(found.trouble),
            **{status: getattr(counts, status) for status in ("review", "rejected", "approved")},
        }


def _add_door(app: FastAPI, desk: Desk) -> None:
    @app.get("/enter")
    def enter(request: Request, language: Reader, given: Annotated[str, Query(alias="token")] = "") -> Response:
        return _open(desk, language, given) if given else _ask(desk, language, wrong=False)

    @app.post("/enter")
    async def enter_by_form(request: Request, language: Reader) -> Response:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        return _open(desk, language, fields.get("token", [""])[0].strip())


def _ask(desk: Desk, language: Language, *, wrong: bool) -> Response:
    if desk.door.token is None:
        return RedirectResponse("/", 303)
    views = Views(desk.workplace, language)
    return HTMLResponse(desk.page("enter.html", views, wrong=wrong, inside=False), 403 if wrong else 200)


def _open(desk: Desk, language: Language, given: str) -> Response:
    if not desk.door.is_token(given):
        return _ask(desk, language, wrong=desk.door.token is not None)
    # a page of ours that moves on, not a redirect: browsers keep a strict cookie back from a redirect out of a chat
    answer = HTMLResponse(desk.page("enter.html", Views(desk.workplace, language), wrong=False, inside=True))
    answer.set_cookie(COOKIE, desk.door.cookie, httponly=True, samesite="strict", max_age=7 * 86_400)
    return answer


def _who_was_faster(desk: Desk, views: Views, job_id: str) -> str:
    past = desk.ledger.decisions(job_id)
    if not past:
        return views.say("stale_plain")
    last = past[-1]
    return views.say("stale", who=last.who or "?", at=views.time(last.at), decision=views.told(last))


def _script_words(views: Views) -> dict[str, Any]:
    keys = ("offline", "nothing_to_undo", "approve_all_ask", "nothing", "no_original", "no_master")
    return {key: views.say(key) for key in keys} | {"causes": views.causes_to_choose()}


def _linker(query: ListQuery, run_id: str) -> Any:
    """Addresses of this page with some filters changed."""

    def link(**changes: str) -> str:
        values = {"run": run_id, **query.model_dump(exclude={"run", "after", "lang"}), **changes}
        return "/?" + urlencode({name: value for name, value in values.items() if value})

    return link


def _shown(data: bytes | None, media_type: str) -> Response:
    if data is None:
        return Response(status_code=404, headers={"cache-control": "no-store"})
    return Response(data, media_type=media_type, headers=FOREVER)


async def _file(name: str, media_type: str, _request: Request) -> Response:
    return Response(_asset(name), media_type=media_type, headers={"cache-control": "no-cache"})


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=4)
def _asset(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
