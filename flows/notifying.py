"""Tell people of failed runs: Prefect's webhook block for the robot that SHANGXIN_NOTIFY_URL names."""

from typing import Any
from urllib.parse import urlsplit

from prefect.blocks.notifications import CustomWebhookNotificationBlock

from tasks.errors import ConfigurationError

NOTIFY_BLOCK = "shangxin-failures"
WORDS = "上新 {{subject}}\n{{body}}"  # robots that let only messages with a keyword through: 上新
# What each robot reads as a text message, by the pages on webhooks of open.dingtalk.com, developer.work.weixin.qq.com,
# open.feishu.cn and api.slack.com.
CHINESE = {"msgtype": "text", "text": {"content": WORDS}}
MESSAGES: dict[str, dict[str, Any]] = {
    "oapi.dingtalk.com": CHINESE,
    "qyapi.weixin.qq.com": CHINESE,
    "open.feishu.cn": {"msg_type": "text", "content": {"text": WORDS}},
    "open.larksuite.com": {"msg_type": "text", "content": {"text": WORDS}},
}
ANY = {"text": WORDS, "subject": "{{subject}}", "body": "{{body}}"}  # Slack, Mattermost, a receiver of one's own


def save_notification(url: str) -> None:
    """Write the block anew on the configured server; the address is kept among its secrets, since it is one.

    ConfigurationError where the address is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "SHANGXIN_NOTIFY_URL is not an address that begins with https:// (it is not shown, being a secret). "
            "Copy the robot's webhook address, or leave the setting empty."
        )
    block = CustomWebhookNotificationBlock(
        name="shangxin",
        url="{{address}}",
        json_data=MESSAGES.get(parts.hostname, ANY),
        secrets={"address": url},
    )
    block.save(NOTIFY_BLOCK, overwrite=True)
