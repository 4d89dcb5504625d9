"""Deciding: one picture or all of a filter, publishing, and how the run stands after it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse, Response

from flows.approval.desk import At, Desk, Reader
from flows.approval.forms import BulkForm, DecisionForm, RunForm, RunId
from flows.approval.publishing import Standing
from flows.approval.views import OTHER, Views
from tasks.delivery.ledger import Counts
from tasks.errors import StaleDecision

routes = APIRouter()


@routes.post("/decide")
def decide(form: DecisionForm, language: Reader, desk: At) -> Response:
    run, views = desk.run(form.run), desk.views(language)
    if form.decision == "reject" and form.cause not in {cause for cause, _ in views.causes_to_choose()}:
        raise HTTPException(422, f"no such cause; one of the templates' or {OTHER}")
    if desk.ledger.record(run.run_id, form.job_id) is None:
        raise HTTPException(404, "there is no such picture in this run")
    try:
        made = desk.ledger.decide(form.wish(who=desk.who))
    except StaleDecision:
        return JSONResponse({"message": _who_was_faster(desk, views, form.job_id)}, 409)
    desk.publisher.decided(run.run_id, form.job_id)
    picture = views.picture(run.run_id, form.job_id)
    status, version = (picture.status, picture.version) if picture else ("", "")
    return JSONResponse({"id": made.id, "status": status, "status_word": views.say(status), "version": version})


@routes.post("/approve-all")
def approve_all(form: BulkForm, language: Reader, desk: At) -> Response:
    run, views = desk.run(form.run), desk.views(language)
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


@routes.post("/publish")
def publish(form: RunForm, desk: At) -> dict[str, bool]:
    desk.publisher.publish(desk.run(form.run).run_id)
    return {"started": True}


@routes.get("/standing")
def standing(run: RunId, language: Reader, desk: At) -> dict[str, Any]:
    found = desk.publisher.standing(desk.run(run).run_id)
    counts = desk.ledger.counts(desk.run(run).run_id)
    return {
        "message": _message(found, counts, desk.views(language)),
        "busy": found.busy,
        "can_publish": bool(found.waiting) and not found.running and not found.busy,
        "trouble": bool(found.trouble),
        **{status: getattr(counts, status) for status in ("review", "rejected", "approved")},
    }


def _message(found: Standing, counts: Counts, views: Views) -> str:
    """How publishing stands, in one line."""
    if found.trouble:
        return f"{views.say('trouble')}: {found.trouble}"
    if found.running:
        return views.say("running")
    if found.busy:
        return views.say("publishing" if not counts.review else "composing")
    if found.waiting:
        return views.say("unpublished", count=found.waiting)
    return views.say("left_over", count=found.unfinished) if found.unfinished else views.say("published")


def _who_was_faster(desk: Desk, views: Views, job_id: str) -> str:
    past = desk.ledger.decisions(job_id)
    if not past:
        return views.say("stale_plain")
    last = past[-1]
    return views.say("stale", who=last.who or "?", at=views.time(last.at), decision=views.told(last))
