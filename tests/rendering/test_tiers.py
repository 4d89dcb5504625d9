"""The memory tier of a card follows from the published sizes; literals in bytes."""

import pytest

from tasks.errors import CardTooSmall
from tasks.rendering.tiers import SetFacts, choose_tier

GIB = 2**30
KOLORS = SetFacts(text_encoder=12_490_000_000, rest=9_480_000_000)  # one ControlNet and the IP-Adapter
TWO_NETS = SetFacts(text_encoder=12_490_000_000, rest=12_010_000_000)
TOY = SetFacts(text_encoder=500_000, rest=3_000_000, picture=9_000_000)


@pytest.mark.parametrize(
    ("card", "facts", "name", "batch"),
    [
        (141 * 10**9, KOLORS, "resident", 4),  # H200
        (80 * GIB, KOLORS, "resident", 4),
        (32 * GIB, KOLORS, "resident", 4),
        (32 * GIB, TWO_NETS, "resident", 3),
        (24 * GIB, KOLORS, "encode-then-release", 4),
        (24 * GIB, TWO_NETS, "encode-then-release", 4),
        (16 * GIB, KOLORS, "encode-then-release", 2),
        (12 * GIB, KOLORS, "quantised", 1),
        (8 * GIB, TOY, "resident", 4),
    ],
)
def test_tier_of_a_card(card: int, facts: SetFacts, name: str, batch: int) -> None:
    tier = choose_tier(card, facts)
    assert (tier.name, tier.batch) == (name, batch)
    assert tier.peak <= card
    assert tier.releases == (name != "resident")


@pytest.mark.parametrize(("card", "facts"), [(8 * GIB, KOLORS), (12 * GIB, TWO_NETS)])
def test_card_that_is_too_small_is_told_what_is_needed(card: int, facts: SetFacts) -> None:
    with pytest.raises(CardTooSmall, match=r"needs 1\d\.\d GB even with its text encoder quantised"):
        choose_tier(card, facts)


def test_every_byte_less_never_gives_a_larger_tier() -> None:
    order = ["resident", "encode-then-release", "quantised"]
    cards = [gib * GIB for gib in range(12, 64)]
    ranks = [order.index(choose_tier(card, KOLORS).name) for card in cards]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == 3
