"""Entering: the token, by form or by link, for a page that is open to more than this machine."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.approval.desk import At, Desk, Reader
from flows.approval.guard import COOKIE
from flows.approval.wording import Language

A_WEEK = 7 * 86_400  # seconds

routes = APIRouter()


@routes.get("/enter")
def enter(language: Reader, desk: At, given: Annotated[str, Query(alias="token")] = "") -> Response:
    return _open(desk, language, given) if given else _ask(desk, language, wrong=False)


@routes.post("/enter")
async def enter_by_form(request: Request, language: Reader, desk: At) -> Response:
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    return _open(desk, language, fields.get("token", [""])[0].strip())


def _ask(desk: Desk, language: Language, *, wrong: bool) -> Response:
    if desk.door.token is None:
        return RedirectResponse("/", 303)
    return HTMLResponse(desk.page("enter.html", desk.views(language), wrong=wrong, inside=False), 403 if wrong else 200)


def _open(desk: Desk, language: Language, given: str) -> Response:
    if not desk.door.is_token(given):
        return _ask(desk, language, wrong=desk.door.token is not None)
    # a page of ours that moves on, not a redirect: browsers keep a strict cookie back from a redirect out of a chat
    answer = HTMLResponse(desk.page("enter.html", desk.views(language), wrong=False, inside=True))
    answer.set_cookie(COOKIE, desk.door.cookie, httponly=True, samesite="strict", max_age=A_WEEK)
    return answer
