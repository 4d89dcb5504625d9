"""The reviewed table is complete: every repository has terms, files and expectations."""

import pytest

from tasks.errors import ModelError
from tasks.rendering.checkpoints.names import BASE, CONTROLS, INPAINTING, IP_ADAPTER
from tasks.rendering.checkpoints.table import licence_note, published_sets, read_table

KOLORS = published_sets()["kolors"]


def test_kolors_is_made_of_the_repositories_that_the_loader_looks_for() -> None:
    assert {repo.folder for repo in KOLORS.repositories} == {BASE, INPAINTING, IP_ADAPTER, *CONTROLS.values()}
    assert [repo.folder for repo in KOLORS.repositories if repo.required] == [BASE]


def test_every_repository_has_a_licence_of_the_table_and_expectations_for_its_weights() -> None:
    for repo in KOLORS.repositories:
        assert repo.licences
        assert set(repo.licences) <= set(KOLORS.licences)
        assert all(part.elements and part.shapes for part in repo.components if part.stem)


def test_note_for_reports_says_in_both_languages_what_commercial_use_asks_for() -> None:
    note = licence_note(KOLORS)
    assert "commercial use needs registration with the licensor" in note
    assert "商用须先向许可方填表登记" in note
    assert "智谱" in note
    assert all(terms.address in note for terms in KOLORS.licences.values())


def test_terms_are_those_of_the_repositories_in_use() -> None:
    assert [terms.name for terms in KOLORS.terms((INPAINTING,))] == ["Kolors Model License (2024-07-06)"]
    assert len(KOLORS.terms()) == 3


def test_unknown_repository_lists_those_there_are() -> None:
    with pytest.raises(ModelError, match="it has: Kolors-diffusers, Kolors-Inpainting"):
        KOLORS.repository("Kolors-FaceID")


def test_table_with_an_unknown_field_is_refused_by_its_place(tmp_path) -> None:
    path = tmp_path / "set.json"
    path.write_text('{"name": "x", "colour": 1}')
    with pytest.raises(ModelError, match=r"set\.json cannot be used"):
        read_table(path)
