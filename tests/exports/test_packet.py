"""Properties set in packets of any shape, and that everything else in them stays."""

from __future__ import annotations

import re
from xml.etree.ElementTree import canonicalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from finepick.errors import SidecarError
from finepick.exports.packet import DIGIKAM, FINEPICK, RDF, XMP, XMP_DM, Packet, Property

from . import sidecars

RATING, LABEL, DATE = (Property(XMP, name) for name in ("Rating", "Label", "MetadataDate"))
PICK, PICK_LABEL = Property(XMP_DM, "pick"), Property(DIGIKAM, "PickLabel")
RANK, MEMORY = Property(FINEPICK, "Rank"), Property(FINEPICK, "WroteLabel")
OURS = (RATING, LABEL, DATE, PICK, PICK_LABEL, RANK, MEMORY)


def foreign(raw: bytes) -> str:
    """Everything in a packet but the properties in `OURS`, in canonical form, comments included."""
    root = etree.fromstring(raw)
    tags = {wanted.tag for wanted in OURS}
    for description in list(root.iter(f"{{{RDF}}}Description")):
        if description.getparent().tag != f"{{{RDF}}}RDF":
            continue
        for tag in tags & set(description.attrib):
            del description.attrib[tag]
        for child in list(description):
            if child.tag in tags:
                description.remove(child)
    text = canonicalize(etree.tostring(root, encoding="unicode"), with_comments=True, rewrite_prefixes=True)
    return re.sub(r">\s+", ">", text)


def read_with_a_second_opinion(raw: bytes, wanted: Property) -> list[str]:
    """All values of *wanted* in *raw*, by XPath instead of by our own walk."""
    root = etree.fromstring(raw)
    spaces = {"r": RDF, "n": wanted.namespace}
    return [
        *root.xpath(f"//r:RDF/r:Description/@n:{wanted.name}", namespaces=spaces),
        *root.xpath(f"//r:RDF/r:Description/n:{wanted.name}/text()", namespaces=spaces),
    ]


@pytest.mark.parametrize("program", sidecars.ALL)
def test_setting_every_mark_leaves_all_that_is_foreign(program):
    raw = sidecars.ALL[program].encode("utf-8")
    packet = Packet.parse(raw)

    for wanted in OURS:
        packet.set(wanted, f"new {wanted.name}")
    written = packet.to_bytes()

    assert foreign(written) == foreign(raw)
    for wanted in OURS:
        assert read_with_a_second_opinion(written, wanted) == [f"new {wanted.name}"]
        assert Packet.parse(written).get(wanted) == f"new {wanted.name}"


@pytest.mark.parametrize("program", sidecars.ALL)
def test_what_stands_before_and_after_the_root_element_stays_to_the_byte(program):
    raw = sidecars.ALL[program].encode("utf-8")
    packet = Packet.parse(raw)
    packet.set(RANK, "1")

    written = packet.to_bytes()

    start, end = raw.index(b"<x:xmpmeta"), raw.index(b"</x:xmpmeta>")
    assert written.startswith(raw[:start])
    assert written.endswith(raw[end:])


@pytest.mark.parametrize(
    ("program", "wanted", "value"),
    [
        ("Lightroom", RATING, "3"),
        ("Lightroom", LABEL, None),
        ("darktable", RATING, "0"),
        ("digiKam", PICK_LABEL, "1"),
        ("Capture One", LABEL, "Pink"),
        ("ExifTool", RATING, "2"),
    ],
)
def test_a_value_is_found_as_attribute_or_element_under_any_prefix_in_any_description(program, wanted, value):
    assert Packet.parse(sidecars.ALL[program].encode("utf-8")).get(wanted) == value


def test_a_value_keeps_the_form_it_has():
    attribute, element = Packet.parse(sidecars.LIGHTROOM.encode()), Packet.parse(sidecars.DARKTABLE.encode())

    attribute.set(RATING, "5")
    element.set(RATING, "5")

    assert attribute.to_bytes().replace(b'xmp:Rating="5"', b"").count(b"Rating") == 0
    assert b"<xmp:Rating>5</xmp:Rating>" in element.to_bytes()


def test_new_values_come_as_attributes_under_their_usual_prefixes():
    packet = Packet.parse(sidecars.LIGHTROOM.encode())

    packet.set(PICK, "1")
    packet.set(PICK_LABEL, "3")
    packet.set(LABEL, "Green")

    text = packet.to_bytes().decode()
    assert 'xmpDM:pick="1"' in text and 'digiKam:PickLabel="3"' in text and 'xmp:Label="Green"' in text
    assert text.count("<rdf:Description") == 1


def test_a_prefix_that_means_something_else_is_not_taken():
    raw = sidecars.LIGHTROOM.replace("xmlns:tiff=", 'xmlns:xmpDM="urn:other" xmpDM:pick="theirs" xmlns:tiff=')
    packet = Packet.parse(raw.encode())

    packet.set(PICK, "1")

    root = etree.fromstring(packet.to_bytes())
    (description,) = root.iter(f"{{{RDF}}}Description")
    assert description.get("{urn:other}pick") == "theirs" and description.get(PICK.tag) == "1"


def test_a_value_that_stands_twice_is_made_one():
    raw = sidecars.DARKTABLE.replace('darktable:xmp_version="5"', 'darktable:xmp_version="5" xmp:Rating="2"')
    packet = Packet.parse(raw.encode())

    packet.set(RATING, "4")

    assert read_with_a_second_opinion(packet.to_bytes(), RATING) == ["4"]


def test_a_value_with_qualifiers_is_read_and_replaced():
    raw = sidecars.DARKTABLE.replace(
        "<xmp:Rating>0</xmp:Rating>",
        '<xmp:Rating rdf:parseType="Resource"><rdf:value>2</rdf:value><xmp:by>me</xmp:by></xmp:Rating>',
    )
    packet = Packet.parse(raw.encode())
    assert packet.get(RATING) == "2"

    packet.set(RATING, "4")

    assert read_with_a_second_opinion(packet.to_bytes(), RATING) == ["4"]
    assert b"parseType" not in packet.to_bytes()


def test_properties_inside_of_values_are_not_the_photos_own():
    raw = sidecars.LIGHTROOM.replace('stEvt:action="saved"', 'stEvt:action="saved" xmp:Label="Blue"')
    raw = raw.replace(
        "<dc:subject>",
        '<dc:source><rdf:Description xmp:Label="Red"/></dc:source><dc:subject>',
    )
    packet = Packet.parse(raw.encode())
    assert packet.get(LABEL) is None

    packet.set(LABEL, "Green")
    packet.remove(LABEL)

    assert packet.to_bytes().count(b'xmp:Label="Red"') == 1
    assert packet.to_bytes().count(b'xmp:Label="Blue"') == 1


def test_setting_what_is_there_or_removing_what_is_not_changes_nothing():
    packet = Packet.parse(sidecars.LIGHTROOM.encode())

    packet.set(RATING, "3")
    packet.remove(LABEL)

    assert not packet.is_changed


def test_comments_instructions_and_cdata_stay():
    raw = sidecars.EXIFTOOL.replace(
        "<rdf:li>sea</rdf:li>", "<rdf:li><![CDATA[sea & sand]]></rdf:li><!-- mine --><?mine too?>"
    ).encode("utf-8")
    packet = Packet.parse(raw)

    packet.set(LABEL, "Green")

    assert b"<![CDATA[sea & sand]]></rdf:li><!-- mine --><?mine too?>" in packet.to_bytes()
    assert foreign(packet.to_bytes()) == foreign(raw)


def test_windows_line_ends_stay():
    raw = sidecars.DARKTABLE.replace("\n", "\r\n").encode("utf-8")
    packet = Packet.parse(raw)

    packet.set(LABEL, "Green")

    assert packet.to_bytes().count(b"\n") == packet.to_bytes().count(b"\r\n") > 10


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_encoding_stays(encoding):
    name = encoding.removesuffix("-sig")
    text = sidecars.CAPTURE_ONE.replace('encoding="UTF-8"', f'encoding="{name.upper()}"')
    raw = text.encode(encoding)
    packet = Packet.parse(raw)

    packet.set(RANK, "1")
    packet.set(LABEL, "Grün 🌿")
    written = packet.to_bytes()

    assert foreign(written) == foreign(raw)
    assert Packet.parse(written).get(LABEL) == "Grün 🌿"
    assert "Évening" in written.decode(encoding)
    assert written[:3] == raw[:3]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it is not well-formed XML"),
        (b"not XML at all", "it is not well-formed XML"),
        (sidecars.LIGHTROOM.encode()[:-20], "it is not well-formed XML"),
        (sidecars.LIGHTROOM.encode() + b"<more/>", "it is not well-formed XML"),
        (b"\xff" + sidecars.LIGHTROOM.encode(), "it is not well-formed XML"),
        (b"<html/>", "it holds no XMP, or more than one"),
        (b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>nothing</x:xmpmeta>", "it holds no XMP, or more than one"),
        (
            b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
            "it declares a document type, which no program writes",
        ),
        (
            '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode(
                "utf-16"
            ),
            "it declares a document type, which no program writes",
        ),
        (
            b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
            "it declares a document type, which no program writes",
        ),
        (sidecars.LIGHTROOM.replace("sea &amp;", "&sea;").encode(), "it is not well-formed XML"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(raw, reason):
    with pytest.raises(SidecarError) as caught:
        Packet.parse(raw)

    assert caught.value.message.startswith(reason)


def test_a_billion_laughs_are_not_heard():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))

    with pytest.raises(SidecarError, match="declares a document type"):
        Packet.parse(f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l19;</x>'.encode())


def test_an_empty_packet_takes_values():
    packet = Packet.empty()
    packet.set(LABEL, "Green")
    packet.set(RANK, "1")

    again = Packet.parse(packet.to_bytes())

    assert (again.get(LABEL), again.get(RANK), again.get(RATING)) == ("Green", "1", None)


NAMES = st.sampled_from(["A", "Rating", "Label", "pick", "deep", "é"])
SPACES = st.sampled_from(["urn:one", "urn:two#", XMP, XMP_DM, "http://ns.adobe.com/camera-raw-settings/1.0/"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


@st.composite
def foreign_packets(draw) -> bytes:
    """Packets with several descriptions, both forms, nested values, comments and instructions."""
    root = etree.Element("{adobe:ns:meta/}xmpmeta", nsmap={"x": "adobe:ns:meta/"})
    rdf = etree.SubElement(root, f"{{{RDF}}}RDF", nsmap={draw(st.sampled_from(["rdf", "r", None])): RDF})
    for _ in range(draw(st.integers(0, 3))):
        prefix = draw(st.sampled_from(["xmp", "finepick", "a", "xmpDM"]))
        description = etree.SubElement(rdf, f"{{{RDF}}}Description", nsmap={prefix: draw(SPACES)})
        description.set(f"{{{RDF}}}about", draw(TEXTS))
        for _ in range(draw(st.integers(0, 3))):
            description.set(f"{{{draw(SPACES)}}}{draw(NAMES)}", draw(TEXTS))
        for _ in range(draw(st.integers(0, 3))):
            child = etree.SubElement(description, f"{{{draw(SPACES)}}}{draw(NAMES)}")
            kind = draw(st.sampled_from(["text", "bag", "comment", "instruction"]))
            if kind == "text":
                child.text = draw(TEXTS)
            elif kind == "comment":
                child.append(etree.Comment(" a comment "))
            elif kind == "instruction":
                child.append(etree.ProcessingInstruction("target", "content"))
            else:
                bag = etree.SubElement(child, f"{{{RDF}}}Bag")
                for _ in range(draw(st.integers(0, 2))):
                    item = etree.SubElement(
                        bag, f"{{{RDF}}}li", {f"{{{draw(SPACES)}}}{draw(NAMES)}": draw(TEXTS)}
                    )
                    item.text = draw(TEXTS)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=draw(st.booleans()), pretty_print=True)


@given(foreign_packets(), st.lists(st.tuples(st.sampled_from(OURS), st.none() | TEXTS), max_size=8))
@settings(deadline=None, max_examples=120)
def test_whatever_is_set_and_removed_the_rest_stays(raw, steps):
    packet = Packet.parse(raw)
    expected = {wanted: Packet.parse(raw).get(wanted) for wanted in OURS}
    for wanted, value in steps:
        if value is None:
            packet.remove(wanted)
        else:
            packet.set(wanted, value)
        expected[wanted] = (value or "").strip() or None

    again = Packet.parse(packet.to_bytes())

    assert {wanted: again.get(wanted) for wanted in OURS} == expected
    if etree.fromstring(raw).find(f".//{{{RDF}}}Description") is not None:
        assert foreign(packet.to_bytes()) == foreign(raw)
