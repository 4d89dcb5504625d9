"""Labels as XMP and back, whatever the words, whoever wrote the packet."""

import json
from xml.etree import ElementTree as ET

import pytest

from tasks.delivery.labels import COMPOSITE, Labels, read_packet, write_packet
from tasks.delivery.labels.fields import one_line
from tasks.delivery.labels.packet import pad_packet
from tasks.errors import LabelError
from tests.delivery.labelled import HOSTILE, make_labels

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
TC260 = 'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"'


def foreign(body: str, attributes: str = "") -> bytes:
    return (
        f'<rdf:RDF {RDF} {TC260}><rdf:Description rdf:about="" {attributes}>{body}</rdf:Description></rdf:RDF>'.encode()
    )


def parsed(packet: bytes) -> ET.Element:
    return ET.fromstring(packet)  # noqa: S314 - our own


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_come_back_as_they_were(text: str) -> None:
    labels = make_labels(text)
    found = read_packet(write_packet(labels))
    assert found.aigc == labels.aigc
    assert found.recipe == labels.recipe
    assert found == labels
    assert found.problems == ()


@pytest.mark.parametrize("text", HOSTILE)
def test_every_packet_is_well_formed_with_one_of_each_property(text: str) -> None:
    root = parsed(write_packet(make_labels(text)))
    tags = [element.tag for element in root.iter()]
    assert tags.count("{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC") == 1
    assert tags.count("{urn:shangxin:ns:1.0/}Recipe") == 1


def test_aigc_is_one_json_string_with_the_seven_fields_in_their_order() -> None:
    root = parsed(write_packet(make_labels()))
    text = next(root.iter("{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC")).text
    assert text is not None
    assert list(json.loads(text)) == [
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    ]


def test_one_line_keeps_what_xml_can_hold() -> None:
    assert one_line("  青屿\r\n视觉\t组 ") == "青屿 视觉 组"
    assert one_line("a\x00b\ud800c") == "a\ufffdb\ufffdc"


def test_the_digest_changes_no_length() -> None:
    labels = make_labels()
    assert len(write_packet(labels)) == len(write_packet(labels.with_picture("sha256:" + "e" * 64)))


def test_padding_is_blanks_that_no_reader_sees() -> None:
    packet = write_packet(make_labels())
    padded = pad_packet(packet, 77)
    assert len(padded) == len(packet) + 77
    assert read_packet(padded) == make_labels()


def test_properties_written_as_attributes_count_too() -> None:
    found = read_packet(foreign("", """TC260:AIGC='{"Label":"2","ProduceID":"x"}'"""))
    assert found.aigc is not None
    assert (found.aigc.label, found.aigc.produce_id, found.aigc.content_producer) == ("2", "x", "")


def test_numbers_and_unknown_fields_of_others_are_read_too() -> None:
    found = read_packet(foreign('<TC260:AIGC>{"Label":1,"Extra":{"a":[]}}</TC260:AIGC>'))
    assert found.aigc is not None
    assert found.aigc.label == "1"


@pytest.mark.parametrize("text", ["{", "[]", "1", "{'Label':1}", "[" * 100_000, '{"Label":{"a":1}}'])
def test_an_aigc_that_is_no_json_object_is_a_problem_not_a_crash(text: str) -> None:
    found = read_packet(foreign(f"<TC260:AIGC>{text}</TC260:AIGC>"))
    assert found.aigc is None
    assert len(found.problems) == 1
    assert found.problems[0].startswith("TC260:AIGC: found")
    assert len(found.problems[0]) < 400


def test_a_packet_without_our_properties_is_empty() -> None:
    assert read_packet(foreign("<rdf:value>x</rdf:value>")).is_empty
    assert Labels(source_type=COMPOSITE).is_empty is False


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', "document type"),
        (b"<x:xmpmeta", "damaged"),
        (b"", "damaged"),
        (b"\xff\xfe<\x00x\x00", "damaged"),
        (b"<x>" + b" " * 2**20 + b"</x>", "expected 1048576 at most"),
    ],
)
def test_xmp_that_cannot_be_trusted_is_refused(packet: bytes, reason: str) -> None:
    with pytest.raises(LabelError, match=reason):
        read_packet(packet)


def test_deep_nesting_is_no_danger() -> None:
    depth = 100_000
    assert read_packet(b"<a>" * depth + b"</a>" * depth).is_empty
