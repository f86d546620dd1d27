"""The few XMP properties that matter here, out of a packet inside a picture."""

from __future__ import annotations

from collections.abc import Mapping

Properties = Mapping[str, str]
"""Values by the property's own name; the namespaces that may carry it are listed in `_WANTED`."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = "http://ns.adobe.com/xap/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_AUX = "http://ns.adobe.com/exif/1.0/aux/"
_WANTED = {
    (_XMP, "Rating"), (_XMP, "Label"), (_XMP, "CreatorTool"),
    (_EXIF, "DateTimeOriginal"), ("http://ns.adobe.com/photoshop/1.0/", "DateCreated"),
    (_TIFF, "Make"), (_TIFF, "Model"), (_AUX, "SerialNumber"), (_AUX, "Lens"),
    ("http://ns.google.com/photos/1.0/camera/", "BurstID"),
    ("http://ns.apple.com/faceinfo/1.0/", "BurstUUID"), ("http://ns.apple.com/camera/1.0/", "BurstUUID"),
}  # fmt: skip
_WANTED_NAMES = tuple({name.encode() for _, name in _WANTED})
_LONGEST_VALUE = 1000


class BadXmpError(ValueError):
    """A packet that is not well-formed."""


def read_xmp(packet: bytes) -> Properties:
    """The wanted properties of *packet*, in attribute or element form, whatever prefixes it uses.

    Entities are not resolved and nothing is fetched. Raises BadXmpError where it does not parse.
    """
    packet = packet.strip(b"\0 \r\n\t")
    is_wide = b"\0" in packet[:64]
    if not packet or not (is_wide or any(name in packet for name in _WANTED_NAMES)):
        return {}
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(packet, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadXmpError(str(error)) from None
    found: dict[str, str] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        for key, value in description.attrib.items():
            _keep(found, str(key), str(value))
        for child in description:
            if isinstance(child.tag, str):
                _keep(found, child.tag, child.text or "")
    return found


def _keep(found: dict[str, str], key: str, value: str) -> None:
    namespace, _, name = key.removeprefix("{").partition("}")
    value = value.strip()
    if (namespace, name) in _WANTED and value:
        found.setdefault(name, value[:_LONGEST_VALUE])
