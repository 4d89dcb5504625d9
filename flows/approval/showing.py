"""Showing: the pictures, and the page's own style, script and icon."""

from functools import lru_cache, partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flows.approval.desk import FOLDER, At
from flows.approval.forms import JobPath, PlacementPath, RunPath, TakePath

FILES = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}  # a take's pixels never change

routes = APIRouter()


@routes.get("/thumb/{job_id}/{take}")
def thumb(job_id: JobPath, take: TakePath, desk: At) -> Response:
    return _shown(desk.pictures.thumb(job_id, take), "image/webp")


@routes.get("/master/{job_id}/{take}")
def master(job_id: JobPath, take: TakePath, desk: At) -> Response:
    return _shown(desk.pictures.master(job_id, take), "image/jpeg")


@routes.get("/file/{job_id}/{take}")
def master_file(job_id: JobPath, take: TakePath, desk: At) -> Response:
    return _shown(desk.pictures.master_file(job_id, take), "image/png")


@routes.get("/product/{run}/{job_id}")
def product(run: RunPath, job_id: JobPath, desk: At) -> Response:
    return _shown(desk.pictures.original(desk.run(run).run_id, job_id), "image/webp")


@routes.get("/rendition/{job_id}/{take}/{placement}")
def rendition(job_id: JobPath, take: TakePath, placement: PlacementPath, desk: At) -> Response:
    return _shown(*(desk.pictures.rendition(job_id, take, placement) or (None, "")))


def _shown(data: bytes | None, media_type: str) -> Response:
    if data is None:
        return Response(status_code=404, headers={"cache-control": "no-store"})
    return Response(data, media_type=media_type, headers=FOREVER)


async def _file(name: str, media_type: str, _request: Request) -> Response:
    return Response(_asset(name), media_type=media_type, headers={"cache-control": "no-cache"})


@lru_cache(maxsize=len(FILES))
def _asset(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


for _name, _media_type in FILES.items():
    routes.add_route(f"/{_name}", partial(_file, _name, _media_type))
