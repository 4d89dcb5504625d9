"""The golden set by the draft model itself, whose card is changed under it: another sampler, another precision."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.campaign import produce_campaign
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.drifting import watch
from tasks.errors import DriftError
from tasks.rendering.modelset import BUILT_IN, CARD, read_model_set
from tasks.settings import Settings, get_settings, use_settings
from tasks.workplace import open_workplace
from tests.flows.test_drift import write_golden

NANO = "kolors-nano"
Change = Callable[[Mapping[str, Any]], None]


@pytest.fixture
def change_card(here: Path, catalogue: Path, small_templates: Path) -> Change:
    """Another model folder with the shipped weights and other fields in the card; two golden pictures."""
    templates = shutil.copytree(small_templates, here / "templates")
    write_golden(templates, catalogue, skus="[B-2]")
    with (templates / "quality" / "golden.yaml").open("a", encoding="utf-8") as golden:
        golden.write("limits: {time: 1000}\n")  # a busy machine is no drift

    def change(fields: Mapping[str, Any]) -> None:
        models = Path(tempfile.mkdtemp(dir=here))
        (models / NANO).mkdir()
        for part in (BUILT_IN / NANO).iterdir():
            if part.name != CARD:
                (models / NANO / part.name).symlink_to(part)
        card = orjson.loads((BUILT_IN / NANO / CARD).read_bytes())
        (models / NANO / CARD).write_bytes(orjson.dumps({**card, "native_size": 128, **fields}))
        changed = {"templates": templates, "models_dir": models}
        use_settings(Settings(**{**get_settings().model_dump(), **changed}))

    return change


def brief(catalogue: Path) -> CampaignBrief:
    chosen = {"scenes": ("wood-morning",), "placements": ("taobao-main",), "limit": 1}
    return CampaignBrief(catalog=str(catalogue), drift="stop", **chosen)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_sampler_that_was_cut_short_stops_the_night_which_goes_on_once_it_is_back(
    change_card: Change, catalogue: Path
) -> None:
    change_card({})
    watch(open_workplace(), NANO, "night-1")
    change_card({"sampler": {"preset": "euler-50", "steps": 4, "guidance_scale": 3.0}})
    with pytest.raises(DriftError, match=r"colour \d.* \(limit 3\) since night-1"):
        produce_campaign(brief(catalogue), "night-2")
    ledger = open_workplace().ledger
    assert (ledger.run("night-2").state, ledger.counts("night-2").unfinished) == ("stopped", 1)

    change_card({})
    assert produce_campaign(brief(catalogue), "night-2")["unfinished"] == 0
    assert open_workplace().store.exists(manifest_key("night-2"))


@pytest.mark.slow
def test_a_precision_that_hardly_shows_is_named_and_stops_nothing(change_card: Change) -> None:
    change_card({})
    watch(open_workplace(), NANO, "night-1")
    change_card({"precision": "bf16"})
    found = watch(open_workplace(), NANO, "night-2")
    colour = next(each.value for each in found.findings if each.check == "drift_colour")
    assert colour is not None
    assert 0 < colour < 1
    assert found.jumps == ()
    revision = read_model_set(BUILT_IN / NANO).revision
    assert f"the weights were {revision} fp32 then" in str(found)
