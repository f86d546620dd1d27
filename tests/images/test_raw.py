import os
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest
from picture_files import dng, saved, scene, turned

from finepick.errors import DamagedImageError, ImageError, UnsupportedFormatError
from finepick.images.reading import read_photo

pytest.importorskip("rawpy", reason="needs the extra 'raw' (rawpy)")


@pytest.fixture
def read(tmp_path):
    def read_bytes(data, long_side=2000):
        path = os.path.join(tmp_path, "photo.dng")
        with open(path, "wb") as file:
            file.write(data)
        return read_photo(path, long_side=long_side)

    return read_bytes


def jpeg(picture, **options):
    return saved(picture, "JPEG", quality=95, subsampling=0, **options)


def test_the_embedded_preview_is_the_photo(read):
    picture = scene(96, 72)

    photo = read(dng(preview=jpeg(picture), preview_size=(96, 72), width=128, height=96))

    assert np.abs(photo.frame.astype(int) - picture).mean() < 4
    assert (photo.metadata.width, photo.metadata.height) == (128, 96)
    assert photo.metadata.format == "raw" and photo.metadata.notes == ()


def test_what_the_camera_wrote_is_read(read):
    metadata = read(dng(preview=jpeg(scene()), preview_size=(96, 64))).metadata

    assert metadata.camera == "Finepick Drawn #0123456"
    assert metadata.taken_at == datetime(2024, 6, 1, 18, 30, 5, 345_000)
    assert metadata.exposure_seconds == 1 / 250 and metadata.iso == 400 and metadata.auto_bracket


def test_a_preview_is_scaled_like_any_jpeg(read):
    photo = read(dng(preview=jpeg(scene(400, 300)), preview_size=(400, 300)), long_side=100)

    assert photo.frame.shape == (75, 100, 3)


ORIENTED = {3: np.s_[::-1, ::-1], 6: None, 8: None}


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_the_preview_is_turned_like_the_raw(read, orientation, turns):
    picture = scene(96, 72)
    data = dng(preview=jpeg(picture), preview_size=(96, 72), orientation=orientation, width=128, height=96)

    photo = read(data)

    expected = np.rot90(picture, turns)
    assert photo.frame.shape == expected.shape
    assert np.abs(photo.frame.astype(int) - expected).mean() < 4
    assert (photo.metadata.width, photo.metadata.height) == ((96, 128) if turns % 2 else (128, 96))


def test_a_preview_that_already_stands_upright_is_left_alone(read):
    picture = scene(72, 96)

    photo = read(dng(preview=jpeg(picture), preview_size=(72, 96), orientation=6, width=128, height=96))

    assert np.abs(photo.frame.astype(int) - picture).mean() < 4
    assert (photo.metadata.width, photo.metadata.height) == (96, 128)


def test_a_previews_own_orientation_counts_once(read):
    picture = scene(96, 72)
    preview = jpeg(picture, exif=turned(6))

    photo = read(dng(preview=preview, preview_size=(96, 72), orientation=6, width=128, height=96))

    assert np.abs(photo.frame.astype(int) - np.rot90(picture, 3)).mean() < 4


@pytest.mark.parametrize(("orientation", "shape"), [(1, (48, 64, 3)), (6, (64, 48, 3))])
def test_without_a_preview_the_sensor_is_developed_at_half_size(read, orientation, shape):
    photo = read(dng(preview=None, width=128, height=96, orientation=orientation))

    assert photo.frame.shape == shape
    assert (photo.metadata.width, photo.metadata.height) == (shape[1] * 2, shape[0] * 2)
    assert photo.metadata.notes == ("RAW without a usable preview: developed plainly at half size",)


def test_a_thumbnail_does_not_stand_for_the_photo(read):
    tiny = scene(24, 18)

    photo = read(dng(preview=jpeg(tiny), preview_size=(24, 18), width=128, height=96))

    assert photo.frame.shape == (48, 64, 3) and photo.metadata.notes


def test_a_damaged_preview_is_never_shown(read):
    preview = jpeg(scene(96, 72))
    cut = preview[: len(preview) // 2]

    with pytest.raises(DamagedImageError):
        read(dng(preview=cut, preview_size=(96, 72), width=128, height=96))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_cut_off_raw_is_an_error(read, share):
    data = dng(preview=jpeg(scene(96, 72)), preview_size=(96, 72), width=128, height=96)

    with pytest.raises(ImageError):
        read(data[: 9 + int((len(data) - 9) * share)])


def test_a_raw_that_libraw_does_not_know_says_so(read):
    with pytest.raises((UnsupportedFormatError, DamagedImageError)) as caught:
        read(b"FUJIFILMCCD-RAW " + bytes(500))

    assert caught.value.reason in (
        "this kind of RAW file is not known to LibRaw",
        "damaged: its RAW data cannot be read",
    )


def test_without_rawpy_the_error_names_the_extra(tmp_path):
    path = os.path.join(tmp_path, "a.dng")
    with open(path, "wb") as file:
        file.write(dng(preview=None))
    script = (
        "import sys; sys.modules['rawpy'] = None\n"
        "from finepick.errors import MissingExtraError\n"
        "from finepick.images.reading import read_photo\n"
        "try: read_photo(sys.argv[1], long_side=100)\n"
        "except MissingExtraError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "Reading RAW files needs the extra 'raw': pip install 'finepick[raw]'"
