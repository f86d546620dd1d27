"""An XMP packet as a tree whose properties can be read and set while everything else stays as it is.

A property may stand as an attribute of an rdf:Description or as an element in it, under any prefix, in any of
several descriptions. Foreign properties, comments and processing instructions are kept; white space outside
the root element and between attributes is all that may change.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast
from xml.parsers import expat

from lxml import etree

from finepick.errors import SidecarError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
XMP_DM = "http://ns.adobe.com/xmp/1.0/DynamicMedia/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
ACDSEE = "http://ns.acdsee.com/iptc/1.0/"
FINEPICK = "https://finepick.example/ns/1.0/"
"""Ours. The domain is one of those that belong to nobody, for ever (RFC 2606)."""

PREFIXES: Mapping[str, str] = {XMP: "xmp", XMP_DM: "xmpDM", DIGIKAM: "digiKam", FINEPICK: "finepick"}

_EMPTY = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Finepick">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""/>
 </rdf:RDF>
</x:xmpmeta>
""".encode("ascii")


class Property(NamedTuple):
    """A property by its namespace and its name."""

    namespace: str
    name: str

    @property
    def tag(self) -> str:
        return f"{{{self.namespace}}}{self.name}"


@dataclass(slots=True)
class Packet:
    """A packet that is being edited; `is_changed` once a property has another value than it had."""

    _tree: etree._ElementTree
    _raw: bytes
    is_changed: bool = False

    @classmethod
    def empty(cls) -> Packet:
        return cls.parse(_EMPTY)

    @classmethod
    def parse(cls, raw: bytes) -> Packet:
        """The packet in *raw*. Raises SidecarError, with the reason, where it must not be touched."""
        _root_span(raw)  # refuses document types, and with them entities, before anything else looks at it
        # No network, no DTD, no entities, no giant trees; CDATA stays what it is.
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, strip_cdata=False
        )
        try:
            tree = etree.ElementTree(etree.fromstring(raw, parser))
        except (etree.XMLSyntaxError, ValueError) as error:
            raise SidecarError(f"it is not well-formed XML ({error})") from error
        if len(list(tree.iter(f"{{{RDF}}}RDF"))) != 1:
            raise SidecarError("it holds no XMP, or more than one")
        return cls(tree, raw)

    def get(self, wanted: Property) -> str | None:
        """The value of *wanted*; None where it is missing or empty."""
        values = (
            description.get(wanted.tag) if element is None else _text(element)
            for description, element in self._places(wanted)
        )
        return next((value.strip() for value in values if value and value.strip()), None)

    def set(self, wanted: Property, value: str) -> None:
        """Give *wanted* this one value, in the form it has, or as an attribute where it is new."""
        places = self._places(wanted)
        if len(places) == 1 and self.get(wanted) == value:
            return
        self.is_changed = True
        self._drop(wanted, places[1:])
        if not places:
            self._description_with(wanted.namespace).set(wanted.tag, value)
            return
        description, element = places[0]
        if element is None:
            description.set(wanted.tag, value)
        elif len(element) == 0 and not element.attrib:
            element.text = value
        else:  # a value with qualifiers; those spoke of the old one
            self._drop(wanted, places[:1])
            self._description_with(wanted.namespace).set(wanted.tag, value)

    def remove(self, wanted: Property) -> None:
        places = self._places(wanted)
        self.is_changed = self.is_changed or bool(places)
        self._drop(wanted, places)

    def to_bytes(self) -> bytes:
        """The packet as it came, but for the root element; that one with the same encoding and line ends."""
        start, end = _root_span(self._raw)
        before, root, after = self._raw[:start], self._raw[start:end], self._raw[end:]
        encoding = _encoding(self._raw, self._tree.docinfo.encoding)
        text: str = etree.tostring(self._tree.getroot(), encoding="unicode", with_tail=False)
        old = root.decode(encoding)
        if "\r\n" in old and old.count("\n") == old.count("\r\n"):
            text = text.replace("\n", "\r\n")
        return before + text.encode(encoding, "xmlcharrefreplace") + after

    def _descriptions(self) -> list[etree._Element]:
        # Only those right below rdf:RDF speak of the photo; deeper ones are values.
        (rdf,) = self._tree.iter(f"{{{RDF}}}RDF")
        found = list(rdf.iterchildren(f"{{{RDF}}}Description"))
        if not found:
            found = [etree.SubElement(rdf, f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})]
        return found

    def _places(self, wanted: Property) -> list[tuple[etree._Element, etree._Element | None]]:
        """Where *wanted* stands: descriptions, with None for an attribute or else the element in them."""
        places: list[tuple[etree._Element, etree._Element | None]] = []
        for description in self._descriptions():
            if wanted.tag in description.attrib:
                places.append((description, None))
            places += [(description, element) for element in description.iterchildren(wanted.tag)]
        return places

    def _drop(self, wanted: Property, places: list[tuple[etree._Element, etree._Element | None]]) -> None:
        for description, element in places:
            if element is None:
                del description.attrib[wanted.tag]
            else:
                _remove(description, element)

    def _description_with(self, namespace: str) -> etree._Element:
        """The first description, with a prefix for *namespace*."""
        old = self._descriptions()[0]
        if any(prefix and uri == namespace for prefix, uri in old.nsmap.items()):
            return old
        # A prefix cannot be declared on an element that exists: an equal one takes its place.
        prefix = PREFIXES[namespace]
        while prefix in old.nsmap:
            prefix += "_"
        scope = old.nsmap | {prefix: namespace}
        attributes = {str(name): str(value) for name, value in old.attrib.items()}
        new = etree.Element(old.tag, attributes, cast("dict[str, str]", scope))
        new.text, new.tail = old.text, old.tail
        new.extend(list(old))
        parent = old.getparent()
        assert parent is not None
        parent.replace(old, new)
        return new


def _root_span(raw: bytes) -> tuple[int, int]:
    """Where the root element begins and ends in *raw*. Raises SidecarError."""
    parser = expat.ParserCreate()
    depth = deepest = 0
    begin = finish = -1

    def start(name: str, attributes: object) -> None:
        nonlocal depth, deepest, begin
        if depth == 0:
            begin = parser.CurrentByteIndex
        depth += 1
        deepest = max(depth, deepest)

    def end(name: str) -> None:
        nonlocal depth, finish
        depth -= 1
        if depth == 0:
            finish = parser.CurrentByteIndex

    def refuse(*declaration: object) -> None:
        raise SidecarError("it declares a document type, which no program writes")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise SidecarError(f"it is not well-formed XML ({error})") from error
    if deepest < 2:
        raise SidecarError("it holds no XMP, or more than one")
    return begin, raw.index(b">", finish) + (2 if _is_little_endian(raw) else 1)


def _encoding(raw: bytes, declared: str | None) -> str:
    if _is_little_endian(raw):
        return "utf-16-le"
    if raw.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    return declared or "utf-8"


def _is_little_endian(raw: bytes) -> bool:
    return raw.startswith(codecs.BOM_UTF16_LE)


def _text(element: etree._Element) -> str:
    """The value of a property in element form; of one with qualifiers, its rdf:value."""
    values = list(element.iter(f"{{{RDF}}}value"))
    return "".join(str(text) for text in (values[0] if values else element).itertext())


def _remove(parent: etree._Element, element: etree._Element) -> None:
    """Remove *element* but not what is written after it."""
    after = element.tail if element.tail and element.tail.strip() else ""
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + after
    else:
        parent.text = (parent.text or "") + after
    parent.remove(element)
