"""Labels as an XMP packet and back (ISO 16684-1; Adobe XMP specification, parts 1 and 3)."""

import json
from functools import cache
from typing import TypeVar
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ValidationError

from tasks.delivery.labels.fields import Aigc, FileRecipe, Labels, json_for_xml
from tasks.errors import LabelError

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    "shangxin": "urn:shangxin:ns:1.0/",
}
for _prefix, _uri in NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

# The id is the same in every XMP packet there is (part 1, 7.3.2).
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
_TAIL = b'<?xpacket end="w"?>'

# Beyond this a packet is no label but an attack or an accident; photo editors stay below 100 KB.
LARGEST_READ = 2**20

Part = TypeVar("Part", bound=BaseModel)


def write_packet(labels: Labels) -> bytes:
    """The XMP packet of these labels, UTF-8; its length depends on their texts' lengths alone."""
    meta = ET.Element(_name("x:xmpmeta"))
    about = ET.SubElement(ET.SubElement(meta, _name("rdf:RDF")), _name("rdf:Description"), {_name("rdf:about"): ""})
    if labels.aigc:
        _add(about, "TC260:AIGC", json_for_xml(labels.aigc.model_dump(by_alias=True)))
    if labels.source_type:
        _add(about, "Iptc4xmpExt:DigitalSourceType", labels.source_type)
    if labels.creator:
        _add_list(about, "dc:creator", "Seq", labels.creator)
    if labels.rights:
        _add_list(about, "dc:rights", "Alt", labels.rights).set(_LANG, "x-default")
        _add(about, "xmpRights:Marked", "True")
    if labels.owner:
        _add_list(about, "xmpRights:Owner", "Bag", labels.owner)
    if labels.recipe:
        _add(about, "shangxin:Recipe", json_for_xml(labels.recipe.model_dump(mode="json")))
    xml: bytes = ET.tostring(meta, encoding="utf-8", xml_declaration=False)
    return _HEAD + xml + _TAIL


def pad_packet(packet: bytes, count: int) -> bytes:
    """The same packet, `count` bytes longer: blanks before its end mark, where XMP wants its padding."""
    return packet[: -len(_TAIL)] + b" " * count + _TAIL


def read_packet(packet: bytes) -> Labels:
    """The labels in a packet of whoever wrote it. Raises LabelError where it is no XML that can be trusted."""
    properties = _properties(_parse(packet))
    problems: list[str] = []
    aigc = _parsed(Aigc, properties.get("TC260:AIGC", ""), "TC260:AIGC", problems)
    recipe = _parsed(FileRecipe, properties.get("shangxin:Recipe", ""), "shangxin:Recipe", problems)
    return Labels(
        aigc=aigc,
        source_type=properties.get("Iptc4xmpExt:DigitalSourceType", ""),
        creator=properties.get("dc:creator", ""),
        rights=properties.get("dc:rights", ""),
        owner=properties.get("xmpRights:Owner", ""),
        recipe=recipe,
        problems=tuple(problems),
    )


def _parse(packet: bytes) -> ET.Element:
    if len(packet) > LARGEST_READ:
        raise LabelError(f"XMP of {len(packet)} bytes; expected {LARGEST_READ} at most. Remove it and label again.")
    try:
        text = packet.decode("utf-8").strip("\ufeff\x00 \t\r\n")
        # Entities are how a small XML becomes a large one, and XMP has no use for them.
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise LabelError("XMP with a document type or entities, which XMP never has. Remove it and label again.")
        return ET.fromstring(text)  # noqa: S314 - neither entities nor a document type get here
    except (UnicodeDecodeError, ET.ParseError, ValueError) as error:
        raise LabelError(f"XMP of {len(packet)} bytes is damaged ({error}). Label the file again.") from error


def _properties(meta: ET.Element) -> dict[str, str]:
    """Simple values and list items by prefixed name, whether written as elements or as attributes."""
    known = {f"{{{uri}}}": prefix for prefix, uri in NAMESPACES.items()}
    found: dict[str, str] = {}
    for about in meta.iter(_name("rdf:Description")):
        pairs = [*about.attrib.items(), *((child.tag, _text(child)) for child in about)]
        for tag, value in pairs:
            space, _, name = tag.rpartition("}")
            if prefix := known.get(f"{space}}}"):
                found.setdefault(f"{prefix}:{name}", value)
    return found


def _text(element: ET.Element) -> str:
    items = [item.text or "" for item in element.iter(_name("rdf:li"))]
    return ", ".join(items) if items else element.text or ""


def _parsed(kind: type[Part], text: str, where: str, problems: list[str]) -> Part | None:
    if not text:
        return None
    try:
        return kind.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        problems.append(f"{where}: found {text[:80]!r}, expected a JSON object with its fields ({reason})")
        return None


@cache
def _name(prefixed: str) -> str:
    prefix, name = prefixed.split(":")
    return f"{{{NAMESPACES[prefix]}}}{name}"


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _name(name)).text = text


def _add_list(parent: ET.Element, name: str, kind: str, text: str) -> ET.Element:
    item = ET.SubElement(ET.SubElement(ET.SubElement(parent, _name(name)), _name(f"rdf:{kind}")), _name("rdf:li"))
    item.text = text
    return item
