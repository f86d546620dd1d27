import io
import math
import os
import struct
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import CAMERA, SHOT, exif, heic, saved, scene, tiff

from finepick.images.formats import PictureFormat
from finepick.images.limits import DEFAULT_LIMITS
from finepick.images.metadata import parse_time, read_metadata
from finepick.images.reading import read_photo
from finepick.images.source import Details
from finepick.images.xmp import BadXmpError, read_xmp

FORMATS = ["JPEG", "PNG", "WEBP", "HEIF"]


@pytest.fixture
def read(tmp_path):
    def read_bytes(data):
        path = os.path.join(tmp_path, "picture")
        with open(path, "wb") as file:
            file.write(data)
        return read_photo(path, long_side=2000).metadata

    return read_bytes


def written(format, **options):
    picture = scene(64, 64)
    return heic(picture, **options) if format == "HEIF" else saved(picture, format, **options)


def from_exif(main=None, below=None, byte_order="<"):
    details = Details(exif=exif(main or {}, below or {}, byte_order)[6:])
    return read_metadata(PictureFormat.JPEG, (64, 48), details, DEFAULT_LIMITS)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("byte_order", "<>")
def test_what_a_camera_wrote_is_read_from_every_format(read, format, byte_order):
    metadata = read(written(format, exif=exif(CAMERA, SHOT, byte_order)))

    assert (metadata.width, metadata.height, metadata.frames) == (64, 64, 1)
    assert metadata.taken_at == datetime(2024, 6, 1, 18, 30, 5, 345_000)
    assert metadata.camera == "Canon EOS R5 #0123456"
    assert metadata.lens == "RF85mm F2"
    assert metadata.exposure_seconds == 1 / 250
    assert metadata.f_number == 2.8
    assert metadata.iso == 400
    assert metadata.exposure_bias == pytest.approx(-2 / 3)
    assert metadata.auto_bracket
    assert metadata.focal_length_mm == 85
    assert metadata.focus_distance_m == 3.5
    assert metadata.software == "Firmware 1.2"
    assert metadata.exposure_value == pytest.approx(math.log2(2.8**2 * 250) - 2)
    assert metadata.prompt is None and metadata.rating is None and metadata.notes == ()


def test_a_tiff_says_the_same(read):
    pixels = scene(16, 16).tobytes()
    tags = {
        256: ("I", 16), 257: ("I", 16), 258: ("H", [8, 8, 8]), 262: ("H", 2), 273: ("I", 8), 277: ("H", 3),
        278: ("I", 16), 279: ("I", len(pixels)), **CAMERA, 0x8769: dict(SHOT),
    }  # fmt: skip

    metadata = read(tiff(tags, payload=pixels))

    assert metadata.camera == "Canon EOS R5 #0123456"
    assert metadata.taken_at == datetime(2024, 6, 1, 18, 30, 5, 345_000)


def test_a_picture_without_metadata_says_nothing(read):
    metadata = read(saved(scene(), "PNG"))

    assert metadata.taken_at is metadata.camera is metadata.iso is metadata.rating is metadata.label is None
    assert metadata.notes == () and not metadata.auto_bracket


@pytest.mark.parametrize(
    ("text", "fraction", "expected"),
    [
        ("2024:06:01 18:30:05", None, datetime(2024, 6, 1, 18, 30, 5)),
        ("2024:06:01 18:30:05", "5", datetime(2024, 6, 1, 18, 30, 5, 500_000)),
        ("2024:06:01 18:30:05", "05", datetime(2024, 6, 1, 18, 30, 5, 50_000)),
        ("2024:06:01 18:30:05", "123456789", datetime(2024, 6, 1, 18, 30, 5, 123_456)),
        ("2024:06:01 18:30:05", " 25 ", datetime(2024, 6, 1, 18, 30, 5, 250_000)),
        ("2024:06:01 18:30:05", "abc", datetime(2024, 6, 1, 18, 30, 5)),
        ("2024:06:01 18:30:05", "²", datetime(2024, 6, 1, 18, 30, 5)),
        ("2024-06-01T18:30:05.75+02:00", None, datetime(2024, 6, 1, 18, 30, 5, 750_000)),
        ("2024:06:01 18:30", None, datetime(2024, 6, 1, 18, 30)),
        ("2024:06:01 23:59:60", None, datetime(2024, 6, 1, 23, 59, 59)),
        ("0000:00:00 00:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("2024:13:01 18:30:05", None, None),
        ("yesterday", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_times_are_read_with_their_fractions(text, fraction, expected):
    assert parse_time(text, fraction) == expected


@settings(max_examples=300, deadline=None)
@given(st.datetimes(min_value=datetime(1900, 1, 1)))
def test_every_time_survives_being_written_as_exif(moment):
    assert parse_time(f"{moment:%Y:%m:%d %H:%M:%S}", f"{moment.microsecond:06}") == moment


@given(st.text(), st.text())
def test_no_text_breaks_the_reading_of_times(text, fraction):
    parse_time(text, fraction)


def test_the_time_falls_back_step_by_step():
    original = {0x9003: ("ascii", "2020:01:01 00:00:01")}
    digitised = {0x9004: ("ascii", "2020:01:01 00:00:02"), 0x9292: ("ascii", "25")}
    changed = {0x0132: ("ascii", "2020:01:01 00:00:03")}

    assert from_exif(changed | CAMERA, original | digitised).taken_at == datetime(2020, 1, 1, 0, 0, 1)
    assert from_exif(changed | CAMERA, digitised).taken_at == datetime(2020, 1, 1, 0, 0, 2, 250_000)
    assert from_exif(changed | CAMERA).taken_at == datetime(2020, 1, 1, 0, 0, 3)
    assert from_exif(changed).taken_at is None  # an editor's date, no camera's


@pytest.mark.parametrize(
    ("make", "model", "serial", "expected"),
    [
        ("NIKON CORPORATION", "NIKON Z 9", "", "NIKON Z 9"),
        ("FUJIFILM", "X-T5", "12", "FUJIFILM X-T5 #12"),
        ("Apple", "iPhone 15", "", "Apple iPhone 15"),
        ("", "Pixel 8", "", "Pixel 8"),
        ("SONY", "", "7", "SONY #7"),
        ("", "", "7", None),
    ],
)
def test_the_camera_is_make_model_and_serial_number(make, model, serial, expected):
    main = {0x010F: ("ascii", make), 0x0110: ("ascii", model)}

    assert from_exif(main, {0xA431: ("ascii", serial)}).camera == expected


def test_values_that_make_no_sense_are_left_out():
    metadata = from_exif(
        {},
        {
            0x829A: ("rational", (1, 0)), 0x829D: ("rational", (0, 0)), 0x8827: ("H", 0),
            0x9206: ("I", 0xFFFFFFFF),
            0x920A: ("rational", (0, 1)), 0xA402: ("H", 0), 0x9204: ("srational", (1, 0)),
            0xA434: ("ascii", "  "),
        },
    )  # fmt: skip

    assert metadata.exposure_seconds is metadata.f_number is metadata.iso is metadata.focus_distance_m is None
    assert (
        metadata.focal_length_mm is metadata.exposure_bias is metadata.lens is metadata.exposure_value is None
    )
    assert not metadata.auto_bracket


def test_exposure_is_also_read_from_apex_values():
    metadata = from_exif({}, {0x9201: ("srational", (8, 1)), 0x9202: ("rational", (4, 1)),
                              0x8827: ("H", 65535), 0x8833: ("I", 102400)})  # fmt: skip

    assert metadata.exposure_seconds == 1 / 256 and metadata.f_number == 4 and metadata.iso == 102400


def xmp(attributes="", elements=""):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:q="http://ns.adobe.com/xap/1.0/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
        f'xmlns:exif="http://ns.adobe.com/exif/1.0/" {attributes}>{elements}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


@pytest.mark.parametrize("format", [*FORMATS, "TIFF", "AVIF"])
def test_ratings_and_labels_are_read_from_every_format(read, format):
    from PIL import features

    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    packet = xmp('q:Rating="4" q:Label="Green"')
    if format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        data = saved(scene(), "PNG", pnginfo=info)
    elif format == "TIFF":
        data = saved(scene(), "TIFF", tiffinfo={700: packet})
    else:
        data = written(format, xmp=packet)

    metadata = read(data)

    assert metadata.rating == 4 and metadata.label == "Green" and metadata.notes == ()


@pytest.mark.parametrize(
    ("packet", "rating", "label"),
    [
        (xmp(elements="<q:Rating>5</q:Rating><q:Label>Red</q:Label>"), 5, "Red"),
        (xmp('q:Rating="-1"'), -1, None),
        (xmp('q:Rating="3.0"'), 3, None),
        (xmp('q:Rating="0"'), None, None),
        (xmp('q:Rating="99"'), None, None),
        (xmp('q:Rating="many"'), None, None),
        (xmp('q:Rating="1e999"'), None, None),
        (xmp('q:Label=" "'), None, None),
        (xmp('exif:Rating="4"'), None, None),
        (xmp('q:Rating="4"').decode().encode("utf-16"), 4, None),
        (b"\0\0" + xmp('q:Rating="4"') + b"\0 \n", 4, None),
        (b"", None, None),
    ],
)
def test_ratings_are_read_in_either_form(packet, rating, label):
    metadata = read_metadata(PictureFormat.JPEG, (1, 1), Details(xmp=packet), DEFAULT_LIMITS)

    assert (metadata.rating, metadata.label, metadata.notes) == (rating, label, ())


def test_an_exif_rating_counts_where_xmp_has_none():
    assert from_exif({0x4746: ("H", 3)}).rating == 3
    assert from_exif({0x4746: ("H", 0)}).rating is None


def test_a_burst_is_known_by_googles_and_apples_marks():
    packet = xmp('GCamera:BurstID="abc-1"')
    google = read_metadata(PictureFormat.JPEG, (1, 1), Details(xmp=packet), DEFAULT_LIMITS)
    note = (
        b"Apple iOS\0\0\1MM"
        + struct.pack(">H", 1)
        + struct.pack(">HHII", 11, 2, 6, 32)
        + bytes(4)
        + b"UUID5\0"
    )
    assert note.index(b"UUID5") == 32

    assert google.burst_id == "abc-1"
    assert from_exif({}, {0x927C: ("bytes", note)}).burst_id == "UUID5"
    assert from_exif({}, {0x927C: ("bytes", note[:25])}).burst_id is None


@pytest.mark.parametrize(
    "packet",
    [
        xmp('q:Rating="4"')[:-30],
        b"<Rating>" * 5000,
        b"Rating \xff\xfe",
    ],
)
def test_damaged_xmp_is_a_note(packet):
    with pytest.raises(BadXmpError):
        read_xmp(packet)
    metadata = read_metadata(PictureFormat.JPEG, (1, 1), Details(xmp=packet), DEFAULT_LIMITS)

    assert metadata.notes == ("its XMP data is damaged and was not used",)


def test_xmp_fetches_nothing_and_resolves_nothing(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("4")
    body = xmp(elements="<q:Rating>&x;</q:Rating>").decode().split("?>", 1)[1]
    outside = f'<!DOCTYPE x [<!ENTITY x SYSTEM "{secret.as_uri()}">]>{body}'.encode()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    billion = f'<!DOCTYPE x [<!ENTITY l0 "4444">{laughs}<!ENTITY x "&l11;">]>{body}'.encode()

    for packet in (outside, billion):
        metadata = read_metadata(PictureFormat.JPEG, (1, 1), Details(xmp=packet), DEFAULT_LIMITS)
        assert metadata.rating is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_no_damage_to_exif_breaks_the_reading(seed, flips):
    generator = np.random.default_rng(seed)
    data = np.frombuffer(
        exif(CAMERA | {0x4746: ("H", 3)}, SHOT | {0x9286: ("bytes", b"ASCII\0\0\0a")})[6:], np.uint8
    ).copy()
    places = generator.integers(len(data), size=flips)
    data[places] = generator.integers(256, size=flips)
    cut = data[: generator.integers(1, len(data) + 1)].tobytes()

    for hurt in (data.tobytes(), cut):
        metadata = read_metadata(PictureFormat.JPEG, (1, 1), Details(exif=hurt), DEFAULT_LIMITS)
        for value in (metadata.exposure_seconds, metadata.f_number, metadata.iso, metadata.focus_distance_m):
            assert value is None or (value > 0 and math.isfinite(value))


def test_huge_counts_cost_nothing():
    entry = struct.pack("<HHII", 0x8827, 3, 0xFFFFFFFF, 8)
    hostile = b"II*\0\x08\0\0\0" + struct.pack("<H", 0xFFFF) + entry * 3

    metadata = read_metadata(PictureFormat.JPEG, (1, 1), Details(exif=hostile), DEFAULT_LIMITS)

    assert metadata.iso is None and metadata.notes != ()


def test_values_are_plain_so_that_they_can_travel():
    import pickle

    metadata = from_exif(CAMERA, SHOT)

    assert pickle.loads(pickle.dumps(metadata)) == metadata
    assert isinstance(io.BytesIO(pickle.dumps(metadata)).getvalue(), bytes)
