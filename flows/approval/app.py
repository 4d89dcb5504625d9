"""The approval page as an ASGI application. Every path parameter is a checked id that only the ledger is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from flows.approval import deciding, entering, looking, showing, stored
from flows.approval.desk import Desk
from flows.approval.guard import Door, Guard
from tasks.errors import LedgerUnavailable
from tasks.workplace import Workplace


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
    for part in (looking, showing, deciding, entering, stored):
        app.include_router(part.routes)
    return app


def _ledger_away(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "账本暂时没有回应，请再试 The ledger does not answer; try again"}, 503)
