"""What a run's report says of the model that drew its pictures."""

import json
from pathlib import Path

import pytest

from tasks.reporting import model_note
from tasks.settings import Settings
from tasks.workplace import Workplace


@pytest.mark.parametrize(("draft", "shown"), [(False, True), (True, False)])
def test_terms_of_the_weights_are_in_the_report_unless_the_set_is_a_draft(
    tmp_path: Path, draft: bool, shown: bool
) -> None:
    card = {"name": "mine", "revision": "1", "draft": draft, "note": "own copy", "licence": "see below"}
    (tmp_path / "set.json").write_text(json.dumps(card))
    note = model_note(Workplace(Settings(out=tmp_path, models_dir=tmp_path)), "mine")
    assert note.startswith("own copy; see below")
    assert ("commercial use needs registration with the licensor" in note) == shown


def test_stand_in_has_no_terms(tmp_path: Path) -> None:
    assert model_note(Workplace(Settings(out=tmp_path)), "sleep-5ms") == "a stand-in that only sleeps"
