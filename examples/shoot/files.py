"""Pictures to files, as a camera, a phone or a generator would write them; and files that went wrong."""

from __future__ import annotations

import io
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from shoot.shot import Exposure, Pixels, Shot

MAKE = "Example"
MODEL = "Camera One"
SERIAL = "EX1000427"
LENS = "Example 18-200mm"


def write(shot: Shot, pixels: Pixels, folder: Path) -> None:
    """Write *shot* below *folder*, in the format its name asks for."""
    target = folder / shot.file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encode(shot, pixels))


def encode(shot: Shot, pixels: Pixels) -> bytes:
    """The bytes of *shot*'s file."""
    picture = Image.fromarray(pixels)
    exif = _exif(shot)
    buffer = io.BytesIO()
    match shot.file.rsplit(".", 1)[-1].lower():
        case "png":
            notes = PngImagePlugin.PngInfo()
            if shot.prompt:
                notes.add_text("parameters", shot.prompt)
            picture.save(buffer, "PNG", compress_level=4, pnginfo=notes)
        case "heic":
            import pillow_heif

            pillow_heif.from_pillow(picture).save(
                buffer, quality=80, exif=exif, enc_params={"preset": "ultrafast"}
            )
        case _:
            picture.save(buffer, "JPEG", quality=shot.jpeg_quality, **({"exif": exif} if exif else {}))
    return buffer.getvalue()


def _exif(shot: Shot) -> bytes | None:
    if shot.taken is None or shot.exposure is None:
        return None
    exif = Image.Exif()
    moment = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.Make] = MAKE
    exif[ExifTags.Base.Model] = MODEL
    exif[ExifTags.Base.Orientation] = shot.orientation
    exif[ExifTags.Base.DateTime] = moment
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details.update(_capture_fields(shot.taken, moment, shot.exposure))
    return exif.tobytes()


def _capture_fields(taken: datetime, moment: str, exposure: Exposure) -> dict[int, object]:
    thousandths = f"{taken.microsecond // 1000:03d}"
    return {
        ExifTags.Base.ExposureTime: _rational(exposure.seconds),
        ExifTags.Base.FNumber: _rational(exposure.f_number),
        ExifTags.Base.ISOSpeedRatings: exposure.iso,
        ExifTags.Base.ExifVersion: b"0232",
        ExifTags.Base.DateTimeOriginal: moment,
        ExifTags.Base.DateTimeDigitized: moment,
        ExifTags.Base.SubsecTimeOriginal: thousandths,
        ExifTags.Base.SubsecTimeDigitized: thousandths,
        ExifTags.Base.ExposureBiasValue: _rational(exposure.bias),
        ExifTags.Base.ExposureMode: 2 if exposure.auto_bracket else 0,
        ExifTags.Base.FocalLength: _rational(exposure.focal_length),
        ExifTags.Base.BodySerialNumber: SERIAL,
        ExifTags.Base.LensModel: LENS,
    }


def _rational(value: float) -> TiffImagePlugin.IFDRational:
    if 0 < value < 0.3:
        return TiffImagePlugin.IFDRational(1, round(1 / value))
    exact = Fraction(value).limit_denominator(1000)
    return TiffImagePlugin.IFDRational(exact.numerator, exact.denominator)
