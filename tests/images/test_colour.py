import os
import struct

import numpy as np
import pytest
from picture_files import saved, scene
from PIL import Image, ImageCms

from finepick.images.colour import UnclearPixelsError, to_srgb
from finepick.images.reading import frame_from_image, read_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# The same colours under exchanged names: what such a profile calls red is sRGB's blue.
RED_IS_BLUE = SRGB.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def linear_grey_profile():
    """The smallest ICC profile (version 2) for grey whose values are proportional to light."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)  # D50
    curve = b"curv\0\0\0\0\0\0\0\0"  # no points: the identity
    tags = [(b"wtpt", white), (b"kTRC", curve)]
    table, body = struct.pack(">I", len(tags)), b""
    for signature, data in tags:
        table += signature + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data
    header = bytearray(128)
    struct.pack_into(
        ">I4sI4s4s4s", header, 0, 128 + len(table) + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ "
    )
    header[36:40] = b"acsp"
    struct.pack_into(">3i", header, 68, 63190, 65536, 54061)
    return bytes(header) + table + body


@pytest.fixture
def read(tmp_path):
    def read_bytes(data):
        path = os.path.join(tmp_path, "picture")
        with open(path, "wb") as file:
            file.write(data)
        return read_photo(path, long_side=2000)

    return read_bytes


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_colours_are_brought_to_srgb(read, format):
    picture = scene()
    options = {"lossless": True} if format == "WEBP" else {}

    photo = read(saved(picture, format, icc_profile=RED_IS_BLUE, **options))

    assert np.abs(photo.frame.astype(int) - picture[..., ::-1]).max() <= 2
    assert photo.metadata.notes == ()


def test_the_profile_of_a_jpeg_is_used_although_it_comes_in_several_segments(read):
    picture = scene(128, 96)
    padded = RED_IS_BLUE + bytes(150_000)
    padded = struct.pack(">I", len(padded)) + padded[4:]
    plain = read(saved(picture, "JPEG", quality=95, subsampling=0)).frame

    frame = read(saved(picture, "JPEG", quality=95, subsampling=0, icc_profile=padded)).frame

    assert np.abs(frame.astype(int) - plain[..., ::-1]).max() <= 2


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_an_srgb_profile_changes_not_one_pixel(read, format):
    picture = scene()

    with_profile = read(saved(picture, format, icc_profile=SRGB))
    without = read(saved(picture, format))

    assert np.array_equal(with_profile.frame, without.frame)
    assert with_profile.metadata.notes == ()


def test_a_grey_profile_is_used(read):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    light = grey / 255
    expected = 255 * np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )  # IEC 61966-2-1

    frame = read(saved(grey, "PNG", icc_profile=linear_grey_profile())).frame

    assert np.abs(frame - expected[..., None]).max() <= 1.5


def test_grey_pictures_with_a_colour_profile_stay_grey(read):
    photo = read(saved(scene()[..., 0], "JPEG", icc_profile=SRGB))

    assert np.array_equal(photo.frame[..., 0], photo.frame[..., 2])
    assert photo.metadata.notes == ()


@pytest.mark.parametrize(
    "profile", [b"rubbish", SRGB[:200], SRGB[:128] + bytes(400), linear_grey_profile(), b"\0" * 131]
)
def test_a_broken_or_misfitting_profile_is_a_note_and_not_a_failure(read, profile):
    picture = scene()

    photo = read(saved(picture, "PNG", icc_profile=profile))

    assert np.array_equal(photo.frame, picture)
    (note,) = photo.metadata.notes
    assert note.startswith("its colour profile cannot be used")


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_inks_look_like_inks(read, format):
    inks = {  # cyan, magenta, yellow, black → about what colour
        (0, 0, 0, 0): (255, 255, 255), (0, 0, 0, 255): (0, 0, 0), (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 0, 0): (255, 0, 255), (0, 0, 255, 0): (255, 255, 0), (0, 255, 255, 0): (255, 0, 0),
    }  # fmt: skip
    for ink, colour in inks.items():
        frame = read(saved(Image.new("CMYK", (32, 32), ink), format)).frame
        assert np.abs(frame.astype(int) - colour).max() <= 4


def test_ycbcr_tiff_and_lab_are_converted(read):
    picture = scene()
    image = Image.fromarray(picture)
    lab = ImageCms.applyTransform(
        image,
        ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"),
    )

    assert np.abs(read(saved(lab, "TIFF")).frame.astype(int) - picture).mean() < 2
    assert np.abs(read(saved(image.convert("YCbCr"), "TIFF")).frame.astype(int) - picture).mean() < 2


MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "I;16",
    "F",
]


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_in_memory_of_any_mode_gives_a_frame_and_stays_as_it_was(mode):
    if mode in ("RGBa", "La"):
        image = Image.new(mode[:-1] + "A", (40, 30), 128).convert(mode)
    elif mode in ("I", "I;16"):
        image = Image.new(mode, (40, 30), 128 * 257)
    elif mode == "F":
        image = Image.new(mode, (40, 30), 0.5)
    else:
        image = Image.new(mode, (40, 30))
    before = image.tobytes()

    frame = frame_from_image(image, long_side=20)

    assert frame.shape == (15, 20, 3) and frame.dtype == np.uint8 and frame.flags.c_contiguous
    assert image.tobytes() == before and image.mode == mode and image.size == (40, 30)


def test_all_grey_modes_agree_on_half_grey():
    pictures = [
        Image.new("L", (8, 8), 128), Image.new("I;16", (8, 8), 128 * 257), Image.new("F", (8, 8), 128 / 255),
        Image.new("I", (8, 8), 128 * 257), Image.new("LA", (8, 8), (128, 255)),
        Image.new("RGB", (8, 8), (128,) * 3),
    ]  # fmt: skip

    assert {frame_from_image(picture, long_side=8).tobytes() for picture in pictures} == {bytes([128]) * 192}


def test_a_uint8_array_goes_through_unchanged():
    picture = scene()

    assert np.array_equal(frame_from_image(Image.fromarray(picture), long_side=2000), picture)


def test_pixels_of_unknown_scale_are_refused():
    with pytest.raises(UnclearPixelsError):
        to_srgb(Image.new("F", (4, 4), 300.0), long_side=100)
