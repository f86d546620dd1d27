import hashlib
import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import exif, heic, png_with_text, saved, scene, small_pictures, tiff, turned
from PIL import Image, features

from finepick.errors import DamagedImageError, ImageError, ImageTooLargeError, UnsupportedFormatError
from finepick.images.limits import ReadLimits
from finepick.images.reading import frame_from_image, read_frame, read_photo


@pytest.fixture
def write(tmp_path):
    def write_file(data, name="picture"):
        path = os.path.join(os.fspath(tmp_path), name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    return write_file


@pytest.fixture
def read(write):
    return lambda data, name="picture", long_side=2000, **more: read_photo(
        write(data, name), long_side=long_side, **more
    )


def mean_difference(a, b):
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


# Every format


@pytest.mark.parametrize("name", small_pictures())
def test_every_format_gives_a_frame_and_its_digest(read, name):
    data = small_pictures()[name]

    photo = read(data, name)

    assert photo.digest == hashlib.sha256(data).hexdigest()
    assert photo.frame.dtype == np.uint8 and photo.frame.ndim == 3 and photo.frame.shape[2] == 3
    assert photo.frame.flags.c_contiguous
    if photo.metadata.format != "raw":
        assert photo.frame.shape[:2] == (photo.metadata.height, photo.metadata.width)


@pytest.mark.parametrize("name", small_pictures())
def test_reading_twice_gives_the_same_pixels_and_the_frame_alone_is_the_same(write, name):
    path = write(small_pictures()[name], name)

    first, second = (read_photo(path, long_side=40) for _ in range(2))

    assert np.array_equal(first.frame, second.frame) and first.metadata == second.metadata
    assert np.array_equal(first.frame, read_frame(path, long_side=40))
    assert max(first.frame.shape) <= 40


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_deflate"}),
        ("BMP", {}), ("TIFF", {"compression": "packbits"}), ("TIFF", {"big_tiff": True}),
    ],
)  # fmt: skip
def test_lossless_formats_come_out_exactly(read, format, options):
    picture = scene()

    assert np.array_equal(read(saved(picture, format, **options)).frame, picture)


@pytest.mark.parametrize("quality", [95])
def test_lossy_formats_come_out_nearly(read, quality):
    picture = scene(128, 96)
    files = {
        "jpeg": saved(picture, "JPEG", quality=quality, subsampling=0),
        "webp": saved(picture, "WEBP", quality=quality),
        "heif": heic(picture, quality=quality),
    }
    if features.check("avif"):
        files["avif"] = saved(picture, "AVIF", quality=quality)

    for format, data in files.items():
        photo = read(data)
        assert mean_difference(photo.frame, picture) < 5
        assert photo.metadata.format == format


def test_grey_pictures_become_three_equal_channels(read):
    grey = scene()[..., 1]

    for format in ("PNG", "TIFF", "BMP"):
        frame = read(saved(grey, format)).frame
        assert np.array_equal(frame, np.repeat(grey[..., None], 3, axis=2))


def test_one_bit_pictures_are_black_and_white(read):
    bits = scene()[..., 0] > 120

    for format in ("PNG", "TIFF", "BMP"):
        frame = read(saved(Image.fromarray(bits), format)).frame
        assert np.array_equal(frame[..., 0], np.where(bits, 255, 0))


# Sixteen and more bits


def test_sixteen_bit_grey_is_scaled_and_not_clipped(read):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(values / 257 + 0.5).astype(np.uint8)

    for data in (saved(Image.fromarray(values), "PNG"), saved(Image.fromarray(values), "TIFF")):
        assert np.array_equal(read(data).frame[..., 2], expected)


def sixteen_bit_rgb_png(values):
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def rgb_tiff(samples, bits, byte_order="<", sample_format=1, channels=3, **more):
    height, width = samples.shape[:2]
    pixels = samples.tobytes()
    tags = {
        256: ("I", width), 257: ("I", height), 258: ("H", [bits] * channels), 259: ("H", 1),
        262: ("H", 2 if channels == 3 else 1), 273: ("I", 8), 277: ("H", channels), 278: ("I", height),
        279: ("I", len(pixels)), 284: ("H", 1), 339: ("H", [sample_format] * channels),
    }  # fmt: skip
    return tiff(tags, byte_order=byte_order, payload=pixels, **more)


def test_sixteen_bit_colour_keeps_its_eight_high_bits(read):
    eight = scene()
    sixteen = eight.astype(np.uint16) * 257

    assert np.array_equal(read(sixteen_bit_rgb_png(sixteen)).frame, eight)
    assert np.array_equal(read(rgb_tiff(sixteen.astype("<u2"), 16)).frame, eight)
    assert np.array_equal(read(rgb_tiff(sixteen.astype(">u2"), 16, ">")).frame, eight)


def test_big_endian_sixteen_bit_grey_tiff_is_exact(read):
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)

    frame = read(rgb_tiff(values.astype(">u2"), 16, ">", channels=1)).frame

    assert np.array_equal(frame[..., 0], np.floor(values / 257 + 0.5))


def test_floating_point_tiff_from_zero_to_one_is_read(read):
    values = np.linspace(0, 1, 64 * 48, dtype="<f4").reshape(48, 64)

    frame = read(rgb_tiff(values, 32, sample_format=3, channels=1)).frame

    assert np.array_equal(frame[..., 0], np.rint(values.astype(float) * 255))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 400.0, -5.0])
def test_floating_point_tiff_of_unknown_scale_is_refused(read, bad):
    values = np.full((8, 8), 0.5, "<f4")
    values[3, 3] = bad

    with pytest.raises(UnsupportedFormatError, match=r"outside of 0…1: nothing says which value is white"):
        read(rgb_tiff(values, 32, sample_format=3, channels=1))


def test_thirty_two_bit_grey_tiff_is_scaled(read):
    values = (np.arange(256, dtype="<u4") * 0x01010101).reshape(16, 16)

    frame = read(rgb_tiff(values, 32, channels=1)).frame

    assert np.array_equal(frame[..., 0].ravel(), np.arange(256))


def test_signed_samples_are_refused(read):
    with pytest.raises(UnsupportedFormatError, match="signed samples"):
        read(rgb_tiff(np.zeros((8, 8), "<i2"), 16, sample_format=2, channels=1))


# Upright


def corners(frame):
    """Which of the four corner colours lies where: upper left, upper right, lower left, lower right."""
    height, width = frame.shape[:2]
    places = [(8, 8), (8, width - 8), (height - 8, 8), (height - 8, width - 8)]
    return "".join(
        "RGBW"[np.argmin([np.abs(frame[p].astype(int) - c).sum() for c in CORNERS])] for p in places
    )


CORNERS = np.array([[230, 20, 20], [20, 200, 20], [20, 20, 230], [240, 240, 240]])


def cornered(width=96, height=64):
    picture = np.zeros((height, width, 3), np.uint8)
    top, bottom, left, right = slice(0, 32), slice(32, 64), slice(0, 48), slice(48, 96)
    for index, place in enumerate([(top, left), (top, right), (bottom, left), (bottom, right)]):
        picture[place] = CORNERS[index]
    return picture


# What EXIF 2.32 (4.6.4 A, Orientation) says of a stored picture whose corners are R G / B W.
UPRIGHT = {1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_once(read, format, orientation):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    if format == "TIFF":
        tags = Image.Exif()
        tags[0x0112] = orientation
        data = saved(cornered(), format, exif=tags)
    else:
        data = saved(cornered(), format, exif=turned(orientation))

    photo = read(data)

    assert corners(photo.frame) == UPRIGHT[orientation]
    assert photo.frame.shape[:2] == ((64, 96) if orientation < 5 else (96, 64))
    assert (photo.metadata.width, photo.metadata.height) == ((96, 64) if orientation < 5 else (64, 96))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_heic_is_turned_by_its_own_rule_and_not_again_by_exif(read, orientation):
    import pillow_heif

    # Written as phones do: pixels as the sensor saw them, the turn as a property and in EXIF as well.
    image = pillow_heif.from_bytes("RGB", (96, 64), cornered().tobytes())
    image.info["exif"] = turned(orientation)
    buffer = io.BytesIO()
    image.save(buffer, quality=95)
    assert orientation == 1 or b"irot" in buffer.getvalue() or b"imir" in buffer.getvalue()

    assert corners(read(buffer.getvalue()).frame) == UPRIGHT[orientation]


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_impossible_orientation_is_no_turn(read, value):
    assert corners(read(saved(cornered(), "JPEG", exif=turned(value))).frame) == "RGBW"


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_in_memory_are_turned_as_well(orientation):
    image = Image.open(io.BytesIO(saved(cornered(), "PNG", exif=turned(orientation))))

    assert corners(frame_from_image(image, long_side=2000)) == UPRIGHT[orientation]


# Size


def test_a_frame_is_never_larger_than_asked_and_never_enlarged(read):
    data = saved(scene(300, 200), "PNG")

    for wanted in (1, 7, 100, 299, 300, 301, 5000):
        height, width = read(data, long_side=wanted).frame.shape[:2]
        assert max(width, height) == min(300, wanted)
        assert abs(height - max(1, width * 2 / 3)) <= 1


def test_a_jpeg_at_half_size_is_exactly_half(read):
    photo = read(saved(scene(400, 300), "JPEG"), long_side=200)

    assert photo.frame.shape == (150, 200, 3)
    assert (photo.metadata.width, photo.metadata.height) == (400, 300)


def test_a_scaled_jpeg_shows_the_same_picture(read):
    y, x = np.mgrid[0:600, 0:900]
    smooth = np.stack([x / 900 * 255, y / 600 * 255, 255 - x / 900 * 255], axis=-1).astype(np.uint8)
    data = saved(smooth, "JPEG", quality=95)

    for wanted in (450, 301, 120, 113, 50):
        frame = read(data, long_side=wanted).frame
        expected = np.asarray(Image.fromarray(smooth).resize(frame.shape[1::-1], Image.Resampling.BOX))
        assert mean_difference(frame, expected) < 3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 90), st.integers(1, 8))
def test_any_size_fits_whatever_its_shape(tmp_path_factory, width, height, wanted, orientation):
    folder = tmp_path_factory.mktemp("size")
    path = os.path.join(os.fspath(folder), "a.jpg")
    with open(path, "wb") as file:
        file.write(saved(scene(width, height), "JPEG", exif=turned(orientation)))

    photo = read_photo(path, long_side=wanted)

    assert max(photo.frame.shape[:2]) == min(wanted, max(width, height))
    upright = (width, height) if orientation < 5 else (height, width)
    assert (photo.metadata.width, photo.metadata.height) == upright


# Damage


def cut_points(length):
    return sorted(
        {
            *range(0, min(length, 40), 7),
            *range(0, length, max(1, length // 40)),
            length - 1,
            length - 2,
            length - 5,
        }
    )


@pytest.mark.parametrize("name", [name for name in small_pictures() if not name.endswith(".dng")])
def test_a_cut_off_file_is_an_error_wherever_it_ends(read, name):
    data = small_pictures()[name]
    padding = 4 if name.endswith(".bmp") else 0

    for length in cut_points(len(data) - padding):
        with pytest.raises(ImageError) as caught:
            read(data[:length], name)
        assert caught.value.reason and "\n" not in caught.value.reason


def test_a_cut_off_jpeg_says_so(read):
    data = saved(scene(256, 256), "JPEG")

    with pytest.raises(DamagedImageError) as caught:
        read(data[: len(data) // 2])

    assert caught.value.reason == "cut off: the file ends in the middle of the picture"


@pytest.mark.parametrize(
    "options", [{}, {"restart_marker_blocks": 3}, {"subsampling": 0}, {"keep_rgb": True}]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_jpeg_with_its_lower_part_missing_but_a_proper_end_is_an_error(read, options, share):
    data = saved(scene(256, 256), "JPEG", quality=90, **options)

    with pytest.raises(DamagedImageError):
        read(data[: int(len(data) * share)] + b"\xff\xd9")


def test_a_progressive_jpeg_without_its_last_scans_but_with_a_proper_end_is_an_error(read):
    data = saved(scene(256, 256), "JPEG", quality=90, progressive=True)
    scans = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 5

    for place in scans[1:]:
        with pytest.raises(DamagedImageError):
            read(data[:place] + b"\xff\xd9")


def test_a_jpeg_whose_end_was_overwritten_with_zeros_is_an_error(read):
    data = saved(scene(256, 256), "JPEG")

    with pytest.raises(DamagedImageError):
        read(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("border", [0, 255])
def test_a_plain_border_below_is_not_mistaken_for_missing_data(read, options, border):
    picture = scene(256, 256)
    picture[100:] = border

    frame = read(saved(picture, "JPEG", quality=95, **options)).frame

    assert mean_difference(frame, picture) < 4


def test_what_follows_the_end_of_a_jpeg_does_no_harm(read):
    data = saved(scene(), "JPEG")
    expected = read(data).frame

    for trailer in (
        b"\0" * 100,
        b"MotionPhoto_Data" + bytes(range(256)) * 9,
        saved(scene(32, 32, 5), "JPEG"),
        b"\xff",
    ):
        assert np.array_equal(read(data + trailer).frame, expected)


def test_an_empty_file_and_a_text_are_no_pictures(read):
    with pytest.raises(DamagedImageError, match=r"^the file is empty$"):
        read(b"", "a.jpg")
    with pytest.raises(UnsupportedFormatError, match=r"^not a picture, although its name may say so$"):
        read(b"hello", "a.jpg")


def test_a_wrong_extension_does_no_harm(read):
    picture = scene()

    assert np.array_equal(read(saved(picture, "PNG"), "a.jpg").frame, picture)
    assert read(saved(picture, "JPEG"), "a.heic").metadata.format == "jpeg"


def test_a_file_that_went_away_says_so(tmp_path):
    with pytest.raises(ImageError, match=r"^the file is no longer there$"):
        read_photo(os.path.join(tmp_path, "gone.jpg"), long_side=100)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ImageError):
        read_photo(os.fspath(tmp_path), long_side=100)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path):
    path = os.path.join(tmp_path, "pipe.jpg")
    os.mkfifo(path)

    with pytest.raises(ImageError, match=r"^not a file$"):
        read_photo(path, long_side=100)


# Bombs


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IEND\xaeB`\x82"


def jpeg_header(width, height):
    data = saved(scene(16, 16), "JPEG")
    place = data.index(b"\xff\xc0")
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


BOMBS = {
    "a.png": png_header(60_000, 50_000),
    "b.jpg": jpeg_header(60_000, 50_000),
    "c.gif": b"GIF89a" + struct.pack("<HHBBB", 60_000, 50_000, 0, 0, 0) + b";",
    "d.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 60_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "e.tif": tiff(
        {256: ("I", 60_000), 257: ("I", 50_000), 258: ("H", 8), 262: ("H", 1), 273: ("I", 8), 279: ("I", 1)}
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_from_its_header(read, name):
    with pytest.raises(ImageTooLargeError) as caught:
        read(BOMBS[name], name)

    assert caught.value.reason == "too large: 60000 × 50000 pixels, 3,000 million; the limit is 400 million"


def test_limits_are_those_given(read):
    data = saved(scene(96, 64), "PNG")

    with pytest.raises(
        ImageTooLargeError, match=r"^too large: 96 × 64 pixels, 0 million; the limit is 0 million$"
    ):
        read(data, limits=ReadLimits(max_pixels=96 * 64 - 1))
    with pytest.raises(ImageTooLargeError, match="the limit is 90 pixels on the long side"):
        read(data, limits=ReadLimits(max_side=90))
    with pytest.raises(ImageTooLargeError, match="MB"):
        read(data, limits=ReadLimits(max_bytes=len(data) - 1))
    assert read(data, limits=ReadLimits(max_pixels=96 * 64, max_side=96, max_bytes=len(data)))


def test_pillows_own_switches_stay_as_they_are_and_large_pictures_are_read(read, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    photo = read(saved(scene(200, 100), "PNG"))

    assert photo.frame.shape == (100, 200, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_text_bomb_in_a_png_does_not_fail_the_photo(read):
    picture = scene()
    data = png_with_text(picture, {"bomb": "a" * (40 << 20), "parameters": "kept"}, packed=True)

    photo = read(data)

    assert np.array_equal(photo.frame, picture)
    assert photo.metadata.prompt == "kept"


# Transparency, animation, notes


def test_transparent_parts_are_judged_on_white(read):
    picture = scene()
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:10] = 0
    alpha[10:20] = 128
    expected = picture.astype(float)
    expected[:20] += (255 - expected[:20]) * (1 - alpha[:20, :, None] / 255)

    photo = read(saved(np.dstack([picture, alpha]), "PNG"))

    assert np.abs(photo.frame - expected).max() <= 1
    assert photo.metadata.notes == ("transparent in parts: judged on white",)


def test_an_opaque_alpha_channel_changes_nothing(read):
    picture = scene()

    photo = read(saved(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]), "PNG"))

    assert np.array_equal(photo.frame, picture) and photo.metadata.notes == ()


def test_a_transparent_palette_colour_is_white(read):
    palette = Image.fromarray(scene()).quantize(8)
    index = int(np.asarray(palette)[5, 5])

    photo = read(saved(palette, "PNG", transparency=index))

    assert (photo.frame[np.asarray(palette) == index] == 255).all()


@pytest.mark.parametrize(("format", "name"), [("GIF", "gif"), ("PNG", "png"), ("WEBP", "webp")])
def test_of_an_animation_the_first_frame_is_taken_and_said_so(read, format, name):
    pictures = [scene(64, 48, seed) for seed in range(12)]
    images = [Image.fromarray(picture) for picture in pictures]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(images[0], format, save_all=True, append_images=images[1:], duration=40, **options)

    photo = read(data)

    assert photo.metadata.frames == 12 and photo.metadata.format == name
    assert photo.metadata.notes == ("animated: the first of 12 frames",)
    assert mean_difference(photo.frame, pictures[0]) < 8


def test_of_a_tiff_with_pages_the_first_is_taken_and_said_so(read):
    images = [Image.fromarray(scene(64, 48, seed)) for seed in range(3)]

    photo = read(saved(images[0], "TIFF", save_all=True, append_images=images[1:]))

    assert np.array_equal(photo.frame, np.asarray(images[0]))
    assert photo.metadata.notes == ("the first of 3 pages",)


# Side effects


def test_threads_do_not_disturb_each_other_or_the_warnings(write):
    paths = {name: write(data, name) for name, data in small_pictures().items()}
    expected = {name: read_photo(path, long_side=40).frame.tobytes() for name, path in paths.items()}
    filters = list(warnings.filters)
    wrong = []

    def work():
        for name, path in paths.items():
            if read_photo(path, long_side=40).frame.tobytes() != expected[name]:
                wrong.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == [] and list(warnings.filters) == filters


def test_no_file_stays_open(write):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    before = len(os.listdir("/proc/self/fd"))

    for name, data in small_pictures().items():
        read_photo(write(data, name), long_side=40)

    assert len(os.listdir("/proc/self/fd")) == before


def test_damaged_exif_does_not_fail_a_photo(read):
    for damaged in (b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\x7f", exif({0x0112: ("H", 6)})[:20]):
        photo = read(saved(cornered(), "JPEG", exif=damaged))
        assert corners(photo.frame) == "RGBW"
        assert photo.metadata.notes == ("its EXIF data is damaged and was not used",)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.jpg", "a.dng", "a.tif"]))
def test_random_bytes_are_an_error_and_nothing_else(tmp_path_factory, data, name):
    path = os.path.join(os.fspath(tmp_path_factory.mktemp("noise")), name)
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"RIFF\x20\0\0\0WEBPVP8 ",
                 b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypavif", b"BM"):  # fmt: skip
        with open(path, "wb") as file:
            file.write(head + data)
        with pytest.raises(ImageError):
            read_photo(path, long_side=100)
