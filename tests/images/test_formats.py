import pytest
from picture_files import small_pictures

from finepick.images.formats import HEAD_BYTES, PictureFormat, has_picture_extension, sniff

EXPECTED = {
    "jpg": PictureFormat.JPEG,
    "png": PictureFormat.PNG,
    "webp": PictureFormat.WEBP,
    "tif": PictureFormat.TIFF,
    "gif": PictureFormat.GIF,
    "bmp": PictureFormat.BMP,
    "heic": PictureFormat.HEIF,
    "avif": PictureFormat.AVIF,
    "dng": PictureFormat.RAW,
}


@pytest.mark.parametrize("name", small_pictures())
def test_every_written_picture_is_recognised_whatever_it_is_called(name):
    head = small_pictures()[name][:HEAD_BYTES]
    expected = EXPECTED[name.split(".")[1]]

    assert sniff(head, name) is expected
    if expected is not PictureFormat.RAW:
        assert sniff(head, "no-extension") is expected


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"II*\0\x10\0\0\0CR\2\0", "a", PictureFormat.RAW),
        (b"II*\0\x08\0\0\0", "a.NEF", PictureFormat.RAW),
        (b"II*\0\x08\0\0\0", "a.tiff", PictureFormat.TIFF),
        (b"MM\0*\0\0\0\x08", "a.pef", PictureFormat.RAW),
        (b"MM\0+\0\x08\0\0", "big.tif", PictureFormat.TIFF),
        (b"IIRO\x08\0\0\0", "a.orf", PictureFormat.RAW),
        (b"IIU\0\x18\0\0\0", "a.rw2", PictureFormat.RAW),
        (b"FUJIFILMCCD-RAW 0201", "a.raf", PictureFormat.RAW),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a.cr3", PictureFormat.RAW),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a", PictureFormat.HEIF),
        (b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1", "a", PictureFormat.AVIF),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "film.mp4", None),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a", PictureFormat.JPEG_XL),
        (b"\xff\x0a\x00\x10", "a.jxl", PictureFormat.JPEG_XL),
        (b"\xff\x0a\x00\x10", "a.txt", None),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a.jp2", PictureFormat.JPEG_2000),
        (b"8BPS\0\1", "a.psd", PictureFormat.PHOTOSHOP),
        (b"BMW 3 series, 1999 model", "car.txt", None),
        (b"RIFF\0\0\0\0WAVEfmt ", "a.wav", None),
        (b"<svg xmlns=", "a.svg", None),
        (b"", "a.jpg", None),
        (b"\xff\xd8", "a.jpg", None),
    ],
)
def test_the_first_bytes_tell_the_format(head, name, expected):
    assert sniff(head, name) is expected


def test_what_cannot_be_read_is_known_by_name():
    unreadable = [known for known in PictureFormat if not known.is_readable]

    assert PictureFormat.JPEG_XL in unreadable and PictureFormat.JPEG not in unreadable
    assert all(known.label for known in PictureFormat)


@pytest.mark.parametrize(
    "name", ["a.jpg", "A.JPEG", "b.Cr3", "c.HEIC", "d.x.png", "\udcff.tif", "sun\nset.webp"]
)
def test_picture_extensions_are_known_in_any_case(name):
    assert has_picture_extension(name)


@pytest.mark.parametrize("name", ["jpg", ".jpg", "a.txt", "a.jpg.xmp", "a.mp4", ""])
def test_other_names_claim_nothing(name):
    assert not has_picture_extension(name)
