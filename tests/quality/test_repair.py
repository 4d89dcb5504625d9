"""What is tried next, when nothing more is, and which take is kept."""

from pathlib import Path

import pytest

from tasks.errors import TemplateError
from tasks.findings import Finding, Verdict, judge
from tasks.quality.repair import RepairTable, Tried, best_of, load_repairs, margin, next_steering, score
from tasks.quality.thresholds import load_thresholds
from tasks.settings import PROJECT
from tasks.steering import PLAIN, Steering

TABLE = RepairTable.model_validate(
    {
        "takes": 3,
        "causes": {
            "growth": [{"keep_ring": 8}, {"control_scale": 1.4}],
            "seam": [{"seed": "same", "feather": 2.5}],
            "text": [{"words": "不要文字"}],
            "noise": [{}] * 9,
        },
    }
)


def failed(cause: str, *, severity: str = "review", value: float | None = 2.0) -> Finding:
    return Finding.model_validate(
        {"check": cause, "value": value, "limit": 1, "passed": False, "cause": cause, "severity": severity}
    )


def tried(take: int, *findings: Finding, steering: Steering = PLAIN) -> Tried:
    return Tried(take, judge(findings), steering)


def passed(value: float) -> Verdict:
    return judge([Finding(check="growth", value=value, limit=1, passed=True)])


def follow(first: Tried, *later: Finding) -> list[Steering]:
    """The steerings of the takes that follow one another where each take fails as given."""
    takes, orders = [first], []
    for finding in later:
        order = next_steering(TABLE, takes)
        assert order is not None
        orders.append(order)
        takes.append(tried(takes[-1].take + 1, finding, steering=order))
    assert next_steering(TABLE, takes) is None
    return orders


def test_the_actions_of_a_cause_are_tried_in_order_and_then_a_person_is_asked() -> None:
    worse = failed("growth", value=3.0)
    first, second = follow(tried(0, failed("growth")), worse, worse)
    assert (first.by, first.causes, first.keep_ring, first.seed_of) == ("repair", ("growth",), 8, None)
    assert second.control_scale == 1.4
    assert second.keep_ring == 0, "the best take is still the first: nothing of the worse one is kept"


def test_what_helped_is_kept_when_another_fault_shows() -> None:
    first = next_steering(TABLE, [tried(0, failed("growth", severity="reject"))])
    assert first is not None
    better = [tried(0, failed("growth", severity="reject")), tried(1, failed("seam"), steering=first)]
    second = next_steering(TABLE, better)
    assert second is not None
    assert (second.keep_ring, second.feather, second.seed_of, second.causes) == (8, 2.5, 1, ("seam",))
    assert second.drawn_as(first, take=1)


def test_faults_that_come_together_are_mended_together() -> None:
    order = next_steering(TABLE, [tried(0, failed("growth"), failed("text"), failed("seam"))])
    assert order is not None
    assert (order.keep_ring, order.words, order.feather, order.seed_of) == (8, "不要文字", 2.5, None)
    assert order.causes == ("growth", "text", "seam")


def test_takes_are_bounded_whatever_the_causes() -> None:
    noise = failed("noise", severity="reject")
    assert len(follow(tried(0, noise), noise, noise, noise)) == TABLE.takes


@pytest.mark.parametrize(
    "findings",
    [
        [failed("paste", severity="reject")],  # no action
        [failed("growth"), failed("coverage")],  # a person has to look anyway
        [failed("growth", value=None)],  # not measured
        [failed("growth", severity="note")],
        [],
    ],
)
def test_what_no_action_can_mend_is_left_alone(findings: list[Finding]) -> None:
    assert next_steering(TABLE, [tried(0, *findings)]) is None


def test_a_check_that_could_not_run_neither_asks_for_takes_nor_hinders_them() -> None:
    unmeasured = failed("not_measured", value=None)
    order = next_steering(TABLE, [tried(0, unmeasured, failed("growth"))])
    assert order is not None
    assert order.causes == ("growth",)
    assert next_steering(TABLE, [tried(0, unmeasured, failed("growth")), tried(1, unmeasured, steering=order)]) is None


def test_a_persons_take_is_neither_repaired_nor_passed_over() -> None:
    takes = [Tried(0, passed(0.1)), tried(1, failed("growth"), steering=Steering(by="person", words="更亮"))]
    assert next_steering(TABLE, takes) is None
    assert best_of(takes).take == 1


def test_candidates_come_first_then_the_best_of_them_is_kept_or_mended() -> None:
    plain = [tried(0, failed("growth", value=4.0))]
    order = next_steering(TABLE, plain, candidates=3)
    assert order == Steering(by="candidate")
    plain += [tried(take, failed("growth", value=2.0 - take / 2), steering=order) for take in (1, 2)]
    repair = next_steering(TABLE, plain, candidates=3)
    assert repair is not None
    assert repair.by == "repair"
    good = [Tried(0, passed(0.6)), Tried(1, passed(0.2), order), Tried(2, passed(0.9), order)]
    assert next_steering(TABLE, good, candidates=3) is None
    assert best_of(good).take == 1


def test_of_equal_takes_the_earliest_is_kept() -> None:
    assert best_of([Tried(0, passed(0.5)), Tried(1, passed(0.5))]).take == 0


def test_margins_count_from_either_side_of_a_limit() -> None:
    most = Finding(check="seam", value=0.9, limit=1.8, passed=True)
    least = Finding(check="focus", value=0.18, limit=0.12, passed=True)
    assert margin(most) == pytest.approx(0.5)
    assert margin(least) == pytest.approx(0.5)
    assert margin(failed("growth")) == -1
    assert score(judge([most, least])) == pytest.approx(0.5)


def test_the_table_that_ships_repairs_what_the_checks_name() -> None:
    folder = PROJECT / "templates" / "quality"
    titles = load_thresholds(folder).cause_titles
    table = load_repairs(folder / "repair.yaml", causes=titles)
    assert {"growth", "text", "cast", "seam", "floating", "exposure"} <= set(table.causes)
    assert "not_measured" not in table.causes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("causes: {growth: [{keep_rings: 3}]}", "causes.growth.0.keep_rings"),
        ("causes: {growth: [{control_scale: 9}]}", "control_scale"),
        ("takes: -1", "takes"),
        ("takes: [", "not readable as YAML"),
        ("causes: {grown: [{}]}", "no check names grown; known: growth"),
    ],
)
def test_a_table_with_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "repair.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match="repair.yaml.*" + said):
        load_repairs(path, causes=("growth",))
