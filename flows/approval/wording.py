"""The page's words, Chinese and English."""

import re
from typing import Literal

Language = Literal["zh", "en"]

BOTH = re.compile(r"(.*[\u3000-\u9fff\uff00-\uffef][^A-Za-z]*?)\s+([A-Za-z].*)", re.DOTALL)
CHINESE = re.compile(r"[\u3400-\u9fff]")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("审片", "Review"),
    "review": ("待审", "Waiting"),
    "approved": ("已通过", "Approved"),
    "rejected": ("未通过", "Rejected"),
    "ready": ("待重绘", "To be rendered"),
    "leased": ("重绘中", "Rendering"),
    "dead": ("失败", "Failed"),
    "approve": ("通过", "Approve"),
    "reject": ("不通过", "Reject"),
    "new_take": ("重绘", "New take"),
    "skip": ("跳过", "Skip"),
    "undo": ("撤销", "Undo"),
    "search": ("SKU 或标题", "SKU or title"),
    "every_scene": ("所有场景", "Every scene"),
    "every_cause": ("所有原因", "Every cause"),
    "approve_all": ("全部通过", "Approve all"),
    "approve_all_ask": (
        "要通过符合筛选条件的全部 {count} 张图片吗？",
        "Approve all {count} pictures that fit the filter?",
    ),
    "approve_all_note": ("每张都会记入账本，可逐张撤销。", "Each goes on record and can be undone one by one."),
    "approved_all": ("已通过 {count} 张", "{count} approved"),
    "cancel": ("取消", "Cancel"),
    "product": ("商品原图", "Product"),
    "master": ("母版", "Master"),
    "renditions": ("版位成图", "Renditions"),
    "no_renditions": ("通过后自动生成", "Made once it is approved"),
    "no_original": ("原图读不到，或渲染后已改动", "The original cannot be read, or has changed since"),
    "no_master": ("母版读不到", "The master cannot be read"),
    "why": ("检查结果", "Findings"),
    "check": ("检查", "Check"),
    "value": ("值", "Value"),
    "limit": ("限", "Limit"),
    "passed_checks": ("项检查已通过", "checks passed"),
    "unmeasured_checks": ("项未能检测", "not measured"),
    "like": ("与 {sku} 的这张相同", "Same as this one of {sku}"),
    "prompt": ("提示词", "Prompt"),
    "avoid": ("不要", "Not"),
    "facts": ("商品资料", "Product facts"),
    "history": ("审批记录", "Decisions"),
    "boxes": ("标框", "Boxes"),
    "take": ("第 {n} 次重绘", "Take {n}"),
    "takes": ("试过", "Takes"),
    "against": ("针对", "against"),
    "why_reject": ("为什么不通过？", "Why not?"),
    "what_changes": ("这一次要改什么？", "What should change?"),
    "words_hint": (
        "用逗号分开；写“不要…”的会放进反向提示词。下次 shangxin run 时重绘。",
        "Separate by commas; what follows “no” is avoided. The next shangxin run renders it.",
    ),
    "words_example": ("更亮的晨光，不要文字", "brighter morning light, no text"),
    "order": ("下单重绘", "Order it"),
    "nothing": ("没有等你决定的图片。", "Nothing is waiting for you."),
    "nothing_fits": ("没有符合条件的图片。", "No picture fits."),
    "clear": ("清除筛选", "Clear the filter"),
    "more": ("更多", "More"),
    "publish": ("发布", "Publish"),
    "publishing": ("正在发布…", "Publishing …"),
    "composing": ("正在生成版位图…", "Making renditions …"),
    "unpublished": ("{count} 个决定未发布", "{count} decisions not published"),
    "published": ("已发布", "Published"),
    "running": ("本次仍在渲染，结束时会自动发布", "Still rendering: it publishes itself at the end"),
    "left_over": (
        "已更新样张；清单等 {count} 张重绘后再写",
        "Report updated; the manifest waits for {count} pictures",
    ),
    "trouble": ("未能完成", "Could not be done"),
    "stale": (
        "{who} 已在 {at} 处理：{decision}。已为你刷新。",
        "{who} was faster ({at}): {decision}. Reloaded for you.",
    ),
    "stale_plain": ("这张图刚刚有变化，已为你刷新。", "This picture has just changed. Reloaded for you."),
    "stale_all": ("符合条件的图片有变化，请再看一眼。", "Other pictures fit by now. Please look again."),
    "offline": ("没有连上，未记录。请再按一次。", "No answer, nothing recorded. Press again."),
    "nothing_to_undo": ("没有可撤销的。", "Nothing to undo."),
    "who": ("你的名字", "Your name"),
    "who_note": ("会与每个决定一起记入账本。", "Goes on record with each decision."),
    "save": ("保存", "Save"),
    "other_cause": ("其他原因", "Another reason"),
    "person": ("人工审定", "A person"),
    "enter": ("进入", "Enter"),
    "token": ("访问令牌", "Access token"),
    "token_note": ("启动 shangxin review 的终端里有。", "It is in the terminal where shangxin review was started."),
    "wrong_token": ("令牌不对。", "That is not the token."),
    "keys": ("快捷键", "Keys"),
    "previous": ("上一张", "Previous"),
    "next": ("下一张", "Next"),
    "run": ("批次", "Run"),
    "fact_title": ("标题", "Title"),
    "fact_category": ("类目", "Category"),
    "fact_brand": ("品牌", "Brand"),
    "fact_color": ("颜色", "Colour"),
    "fact_selling_points": ("卖点", "Selling points"),
    "fact_locale": ("语言", "Locale"),
    "fact_copy_text": ("文案", "Copy"),
    "fact_price": ("价格", "Price"),
    "fact_bundle": ("同框商品图", "Shown together with"),
}


def say(key: str, language: Language, **values: object) -> str:
    """One of WORDS in that language; a fact nobody named yet is shown by its own name."""
    zh, en = WORDS.get(key, (key.removeprefix("fact_"), key.removeprefix("fact_")))
    text = en if language == "en" else zh
    return text.format(**values) if values else text


def one_of_both(text: str, language: Language) -> str:
    """The half of `中文 English` that is asked for; the whole where it has no halves."""
    match = BOTH.match(text)
    if match is None or CHINESE.search(match[2]):
        return text
    return match[2] if language == "en" else match[1]
