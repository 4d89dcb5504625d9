from typing import Any, cast

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client

from flows.notifying import ANY, MESSAGES, NOTIFY_BLOCK, save_notification
from tasks.errors import ConfigurationError
from tests.flows.robot import Robot

pytestmark = pytest.mark.usefixtures("prefect_server")


def saved() -> CustomWebhookNotificationBlock:
    return cast(CustomWebhookNotificationBlock, CustomWebhookNotificationBlock.load(NOTIFY_BLOCK))


def test_a_robot_is_told_and_its_address_is_kept_secret(robot: Robot) -> None:
    save_notification(robot.url)
    saved().notify("no catalogue at s3://shop/goods.csv", subject="nightly Failed")
    (told,) = robot.heard
    assert told["text"] == "上新 nightly Failed\nno catalogue at s3://shop/goods.csv"
    with get_client(sync_client=True) as client:
        shown = client.request("POST", "/block_documents/filter", json={}).text
    assert NOTIFY_BLOCK in shown
    assert "planted-robot-key" not in shown


def test_saved_again_it_is_the_new_address(robot: Robot) -> None:
    save_notification("http://127.0.0.1:9/gone")
    save_notification(robot.url)
    saved().notify("body")
    assert len(robot.heard) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", MESSAGES["qyapi.weixin.qq.com"]),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/k", MESSAGES["open.feishu.cn"]),
        ("https://hooks.slack.com/services/k", ANY),
    ],
)
def test_each_robot_is_spoken_to_in_its_own_way(url: str, message: dict[str, Any]) -> None:
    save_notification(url)
    assert saved().json_data == message


def test_what_is_no_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="SHANGXIN_NOTIFY_URL") as refused:
        save_notification("planted-robot-key")
    assert "planted-robot-key" not in str(refused.value)
