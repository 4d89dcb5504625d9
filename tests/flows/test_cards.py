"""Cards of different sizes on one host: each takes shards of the sets that it holds."""

from flows.crew import Resident, match


def renderer(device: str, *holds: str) -> Resident:
    """One that has reported what its card holds, as its process does."""
    made = Resident(device, ("kolors", "kolors-nano"), lambda: None)
    too_large = {name: "the card has 8.6 GB" for name in ("kolors", "kolors-nano") if name not in holds}
    made._hear({"ready": f"host:{device}", "distances": dict.fromkeys(holds, 0.0), "too_large": too_large})
    return made


SMALL, LARGE = ("kolors-nano",), ("kolors", "kolors-nano")


def test_a_small_card_leaves_the_large_sets_shards_waiting() -> None:
    small = renderer("cuda:0", *SMALL)
    assert match([small], ["high-kolors", "normal-kolors", "high"]) == [2]
    assert not small.takes_from("high-kolors")
    assert small.takes_from("normal")


def test_the_large_card_is_kept_for_what_only_it_can_hold() -> None:
    large, small = renderer("cuda:0", *LARGE), renderer("cuda:1", *SMALL)
    assert match([large, small], ["high", "normal-kolors"]) == [0, 1]
    assert match([large, small], ["high", "normal", "normal-kolors"]) == [0, 1]


def test_who_is_at_work_or_not_ready_takes_nothing() -> None:
    busy, unready = renderer("cuda:0", *LARGE), Resident("cuda:1", LARGE, lambda: None)
    busy.take("a flow run")
    assert match([busy, unready], ["high", "normal-kolors"]) == []


def test_like_cards_take_in_order_of_waiting() -> None:
    cards = [renderer(f"cuda:{number}", *LARGE) for number in range(2)]
    assert match(cards, ["normal-kolors", "high", "high"]) == [0, 1]


def test_tunings_of_a_set_are_in_its_queue() -> None:
    assert renderer("cuda:0", "kolors:int8").takes_from("normal-kolors")
