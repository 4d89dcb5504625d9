"""What a run's page in Prefect shows: which pictures, in which order, as whose words."""

from flows.run_page import DOUBTFUL, SHEET, plain, spread
from tasks.delivery.ledger import JobRecord, Master
from tasks.findings import Verdict

SCENES = ("a", "b", "c")


def record(number: int, sku: str, scene: str, status: str = "approved") -> JobRecord:
    return JobRecord(
        ordinal=number,
        job_id=f"{number:08x}",
        sku=sku,
        scene=scene,
        variant=0,
        state="done",
        attempt=1,
        failures=0,
        take=0,
        reason="",
        cost=0.0,
        fresh=True,
        spec=b"{}",
        image="a.png",
        line=number,
        verdict=Verdict(status=status, findings=()),  # type: ignore[arg-type]
        master=Master(f"masters/{sku}/{number}.png", "0" * 64, 8, 8),
    )


def campaign(products: int, doubtful: int = 0) -> list[JobRecord]:
    pairs = [(f"S-{product}", scene) for product in range(products) for scene in SCENES]
    return [
        record(number, sku, scene, "review" if number < doubtful else "approved")
        for number, (sku, scene) in enumerate(pairs)
    ]


def test_the_sheet_shows_every_product_before_a_second_scene_of_one() -> None:
    shown = spread(campaign(6))
    assert [each.sku for each in shown[:6]] == [f"S-{number}" for number in range(6)]
    assert {each.scene for each in shown[:3]} == set(SCENES)
    assert len(shown) == len({each.job_id for each in shown}) == 18


def test_doubtful_pictures_come_first_and_do_not_push_out_the_others() -> None:
    shown = spread(campaign(40, doubtful=30))
    assert [each.verdict.status for each in shown[:DOUBTFUL]] == ["review"] * DOUBTFUL  # type: ignore[union-attr]
    assert {each.verdict.status for each in shown[DOUBTFUL:]} == {"approved"}  # type: ignore[union-attr]
    assert len(shown) == SHEET


def test_names_from_catalogues_stay_text() -> None:
    shown = plain("[x](javascript:alert(1)) <img src=a onerror=b>|杯")
    assert "<img" not in shown
    assert "](" not in shown
    assert shown.endswith("\\|杯")
