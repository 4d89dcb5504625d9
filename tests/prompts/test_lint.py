"""Lint finds each kind of defect that is planted, and none in the project's own templates."""

from pathlib import Path
from typing import Any

import pytest

from tasks.prompts.library import Library
from tasks.prompts.lint import Problem, estimate_tokens, lint
from tests.prompts.test_expand import write

BEACH = {"scenes/beach": {"prompt": {"set": {"surface": "细沙"}}}}
WORDS = {
    "words/advertising-law": {"groups": [{"name": "最", "rule": "广告法第九条", "words": ["最"]}], "allowed": ["最近"]}
}


def test_the_projects_own_templates_are_clean(library: Library) -> None:
    assert lint(library, []) == []


def test_a_clean_library_has_no_problems(tmp_path: Path) -> None:
    assert lint(write(tmp_path, BEACH | WORDS), ["产地"]) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"scenes/snow": {"prompt": {"set": {"mood": "{{ product.产地点 }}"}}}},
            ("scenes/snow.yaml", "prompt.mood", "does not provide. Known: ", "error"),
        ),
        (
            {"scenes/snow": {"categories": ["skincaer"]}, "prompts/categories/skincare": {}},
            (
                "scenes/snow.yaml",
                "categories",
                "no category 'skincaer'. Known: skincare; did you mean skincare?",
                "error",
            ),
        ),
        (
            {"brands/qingyu": {"lines": {"zh-CN": "最懂你的肌肤"}}},
            ("brands/qingyu.yaml", "lines.zh-CN", "'最' in '最懂你的肌肤': 广告法第九条", "error"),
        ),
        (
            {"scenes/snow": {"prompt": {"set": {"mood": "静" * 260}}}},
            ("scenes/snow.yaml", "prompt", "tokens (estimated, no tokenizer at hand), the model reads 256", "warning"),
        ),
        (
            {"brands/qingyu": {"prompt": {"drop": ["season"]}}},
            ("brands/qingyu.yaml", "prompt.drop", "season is dropped, but no earlier layer gives it", "warning"),
        ),
        (
            {"scenes/snow": {"prompt": {"set": {"mood": "{{ product.title.upper() }}"}}}},
            ("scenes/snow.yaml", "", "`product.title.upper()` is not part of the template language", "error"),
        ),
        (
            {
                "scenes/beach": {"categories": ["tea"]},
                "prompts/categories/tea": {},
                "prompts/categories/toy": {"prompt": {"set": {"mood": "趣"}}},
            },
            ("categories/toy.yaml", "prompt.mood", "never reaches a prompt", "warning"),
        ),
    ],
)
def test_a_planted_defect_is_found(tmp_path: Path, files: dict[str, Any], expected: tuple[str, str, str, str]) -> None:
    problems = lint(write(tmp_path, BEACH | WORDS | files), ["产地"])
    file, where, message, level = expected
    found = [
        p for p in problems if p.file.endswith(file) and (p.where, p.level) == (where, level) and message in p.message
    ]
    assert len(found) == 1, problems
    assert {problem.file for problem in problems} == {found[0].file}


def test_an_unknown_prompt_column_is_found(tmp_path: Path) -> None:
    [problem] = lint(write(tmp_path, BEACH), ["prompt_moood"])
    assert problem == Problem("the catalogue", "prompt_moood", problem.message)
    assert problem.message.endswith("did you mean prompt_mood?")


def test_without_columns_no_variable_is_missed(tmp_path: Path) -> None:
    library = write(tmp_path, {"scenes/snow": {"prompt": {"set": {"mood": "{{ product.产地 }}"}}}})
    assert lint(library) == []


def test_a_tokenizer_makes_the_budget_an_error(tmp_path: Path) -> None:
    library = write(tmp_path, BEACH)
    [problem] = lint(library, [], lambda text: 300 if text else 2)
    assert (problem.where, problem.level) == ("prompt", "error")
    assert problem.message.startswith('scene "beach": 300 tokens, the model reads 256')


def test_the_estimate_is_on_the_safe_side() -> None:
    assert estimate_tokens("") == 2
    assert estimate_tokens("细沙abcd") == 2 + 2 + 2
