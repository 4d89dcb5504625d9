"""What the handlers of the approval page share: the workplace, the publisher, the templates, the reader's language."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.approval.guard import Door
from flows.approval.pictures import Pictures
from flows.approval.publishing import Publisher
from flows.approval.views import Views
from flows.approval.wording import Language
from tasks.delivery.ledger import Campaign
from tasks.errors import LedgerError, LedgerUnavailable
from tasks.workplace import Workplace

FOLDER = Path(__file__).with_name("page")


class Desk:
    """One desk a server; `who` is the name of whoever gave none."""

    def __init__(self, workplace: Workplace, *, run_id: str, who: str, door: Door) -> None:
        self.workplace, self.ledger, self.who, self.door = workplace, workplace.ledger, who, door
        self.run_id = run_id
        self.pictures = Pictures(workplace)
        self.publisher = Publisher(workplace)

    def run(self, run_id: str) -> Campaign:
        """The run asked for, else the one the server was started for, else the latest; 404 where there is none."""
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

    def views(self, language: Language) -> Views:
        return Views(self.workplace, language)

    def page(self, name: str, views: Views, **values: Any) -> str:
        return _templates().get_template(name).render(views=views, say=views.say, **values)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang") or request.cookies.get("lang")
    return "en" if asked == "en" else "zh"


At = Annotated[Desk, Depends(_desk)]
Reader = Annotated[Language, Depends(_language)]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
