"""The example shoot: same bytes for the same order, honest EXIF, series that are what they claim."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image
from scipy import ndimage

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = "200x150"


def render(folder: Path, *options: str, size: str = SMALL) -> list[dict[str, Any]]:
    """Run the program as a user does; returns the truth that it wrote."""
    truth = folder.with_suffix(".jsonl")
    command = [
        sys.executable,
        str(EXAMPLES / "render_shoot.py"),
        str(folder),
        "--size",
        size,
        "--quiet",
        "--workers",
        "1",
    ]
    subprocess.run([*command, "--truth", str(truth), *options], check=True, timeout=120)
    return [json.loads(line) for line in truth.read_text("utf-8").splitlines()]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def details(path: Path) -> dict[int, Any]:
    with Image.open(path) as picture:
        exif = picture.getexif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}


def moment(path: Path) -> datetime:
    fields = details(path)
    whole = datetime.strptime(fields[ExifTags.Base.DateTimeOriginal], "%Y:%m:%d %H:%M:%S")
    return whole + timedelta(seconds=float(f"0.{fields[ExifTags.Base.SubsecTimeOriginal]}"))


def grey(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float64)


def sharpness(path: Path) -> float:
    return float(ndimage.laplace(ndimage.gaussian_filter(grey(path), 0.7)).var())


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("shoot") / "shoot"
    records = render(folder, "--count", "12")
    return folder, {record["series"]: record for record in records}


Shoot = tuple[Path, dict[str, dict[str, Any]]]


def paths(shoot: Shoot, series: str) -> Sequence[Path]:
    folder, records = shoot
    return [folder / name for name in records[series]["files"]]


def test_all_files_are_those_of_the_truth_and_three_mishaps(shoot: Shoot) -> None:
    folder, records = shoot
    told = {name for record in records.values() for name in record["files"]}
    mishaps = {"100EXMPL/DSC_0498.JPG", "100EXMPL/DSC_0499.JPG", "notes.txt"}
    assert set(digests(folder)) == told | mishaps
    assert len(records["sunsets"]["files"]) == 12
    assert {record["kind"] for record in records.values()} >= {
        "similar",
        "burst",
        "bracket",
        "panorama",
        "focus_stack",
        "prompt",
        "single",
    }


def test_every_photo_but_the_mishaps_opens_and_no_two_are_alike(shoot: Shoot) -> None:
    folder, records = shoot
    names = [name for record in records.values() for name in record["files"]]
    for name in names:
        if not name.endswith(".HEIC"):
            with Image.open(folder / name) as picture:
                picture.load()
                assert np.asarray(picture.convert("L")).std() > 10
    hashes = digests(folder)
    assert len({hashes[name] for name in names}) == len(names)


def test_the_same_order_gives_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    options = ("--count", "4", "--only", "sunsets,heron,exported,generated,singles")
    render(tmp_path / "one", *options, size="120x90")
    render(tmp_path / "two", *options, "--workers", "2", size="120x90")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_another_seed_gives_other_pictures_under_the_same_names(tmp_path: Path) -> None:
    render(tmp_path / "one", "--only", "bracket", size="120x90")
    render(tmp_path / "two", "--only", "bracket", "--seed", "5", size="120x90")
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert one.keys() == two.keys() and all(one[name] != two[name] for name in one)


def test_camera_photos_carry_one_camera_and_times_that_run_forward(shoot: Shoot) -> None:
    for series in ("sunsets", "heron", "bracket", "panorama", "focus_stack"):
        photos = paths(shoot, series)
        fields = [details(path) for path in photos]
        assert {entry[ExifTags.Base.Make] for entry in fields} == {"Example"}
        assert {entry[ExifTags.Base.BodySerialNumber] for entry in fields} == {"EX1000427"}
        assert all(
            entry[ExifTags.Base.ISOSpeedRatings] > 0 and entry[ExifTags.Base.FocalLength] > 0
            for entry in fields
        )
        moments = [moment(path) for path in photos]
        assert moments == sorted(set(moments))


def test_sunsets_come_seconds_apart_and_within_a_quarter_of_an_hour() -> None:
    sys.path.insert(0, str(EXAMPLES))
    try:
        from shoot.scenes import sunsets
        from shoot.shot import Brief
    finally:
        sys.path.remove(str(EXAMPLES))
    shots = sunsets.plan(Brief())
    moments = [shot.taken for shot in shots if shot.taken is not None]
    gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert len(shots) == 50 and min(gaps) > 0.1
    assert sum(gap < 6 for gap in gaps) >= 35
    assert timedelta(minutes=8) < moments[-1] - moments[0] < timedelta(minutes=15)
    assert 15 <= sum(bool(shot.flaws) for shot in shots) <= 40


def test_the_heron_burst_runs_at_eight_frames_a_second_and_has_one_sharp_frame(tmp_path: Path) -> None:
    (record,) = render(tmp_path / "heron", "--only", "heron", size="640x480")
    photos = [tmp_path / "heron" / name for name in record["files"]]
    gaps = [(after - before).total_seconds() for before, after in pairwise(moment(path) for path in photos)]
    assert len(photos) == 8 and gaps == pytest.approx([1 / 8] * 7, abs=0.002)
    measured = [sharpness(path) for path in photos]
    best = record["quality"].index(1)
    assert int(np.argmax(measured)) == best
    assert measured[best] > 1.5 * sorted(measured)[-2]


def test_the_bracket_says_what_it_is_and_grows_brighter(shoot: Shoot) -> None:
    photos = paths(shoot, "bracket")
    fields = [details(path) for path in photos]
    assert [float(entry[ExifTags.Base.ExposureBiasValue]) for entry in fields] == [-2.0, 0.0, 2.0]
    assert {entry[ExifTags.Base.ExposureMode] for entry in fields} == {2}
    seconds = [float(entry[ExifTags.Base.ExposureTime]) for entry in fields]
    assert [after / before for before, after in pairwise(seconds)] == pytest.approx([4, 4], rel=0.02)
    levels = [grey(path) for path in photos]
    assert levels[0].mean() + 15 < levels[1].mean() < levels[2].mean() - 15
    assert (levels[2] > 250).mean() > 0.08 and (levels[0] < 12).mean() > 0.10


def test_neighbours_of_the_panorama_share_a_third(shoot: Shoot) -> None:
    photos = [grey(path) for path in paths(shoot, "panorama")]
    for left, right in pairwise(photos):
        width = left.shape[1]
        scores = {}
        for share in np.arange(0.15, 0.60, 0.01):
            columns = round(width * share)
            rows = slice(10, int(left.shape[0] * 0.6))
            a, b = left[rows, width - columns :], right[rows, :columns]
            scores[float(share)] = float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
        best = max(scores, key=scores.__getitem__)
        assert best == pytest.approx(0.35, abs=0.04) and scores[best] > 0.85


def test_the_plane_of_focus_moves_from_front_to_back(shoot: Shoot) -> None:
    first, *_, last = (grey(path) for path in paths(shoot, "focus_stack"))

    def contrast(picture: NDArray[np.float64], low: float, high: float) -> float:
        rows = slice(int(picture.shape[0] * low), int(picture.shape[0] * high))
        return float(np.abs(ndimage.laplace(picture))[rows].mean())

    assert contrast(first, 0.75, 1.0) > 1.2 * contrast(last, 0.75, 1.0)
    assert contrast(last, 0.40, 0.50) > 1.2 * contrast(first, 0.40, 0.50)


def test_exports_carry_no_exif_and_generated_pictures_share_a_prompt(shoot: Shoot) -> None:
    for path in paths(shoot, "exported"):
        with Image.open(path) as picture:
            assert not picture.getexif()
    prompts = []
    for path in paths(shoot, "generated"):
        with Image.open(path) as picture:
            prompts.append(picture.info["parameters"])
    assert len({prompt.splitlines()[0] for prompt in prompts}) == 1
    assert len({prompt.split("Seed: ")[1].split(",")[0] for prompt in prompts}) == len(prompts)


def test_one_photo_lies_on_its_side_and_one_is_heic(shoot: Shoot) -> None:
    import pillow_heif

    folder, _ = shoot
    broken = ("DSC_0498.JPG", "DSC_0499.JPG")
    whole = [path for path in folder.glob("100EXMPL/*.JPG") if path.name not in broken]
    orientations = {path.name: details(path)[ExifTags.Base.Orientation] for path in whole}
    orientations = {name: value for name, value in orientations.items() if value != 1}
    assert orientations == {"DSC_0251.JPG": 6}
    heic = folder / "phone" / "IMG_0031.HEIC"
    assert pillow_heif.is_supported(heic) and pillow_heif.open_heif(heic).size == (200, 150)


def test_mishaps_are_cut_off_empty_and_no_picture(shoot: Shoot) -> None:
    folder, _ = shoot
    with (
        Image.open(folder / "100EXMPL" / "DSC_0498.JPG") as picture,
        pytest.raises(OSError, match="truncated"),
    ):
        picture.load()
    assert (folder / "100EXMPL" / "DSC_0499.JPG").stat().st_size == 0
    assert (folder / "notes.txt").read_text("ascii").strip()


@pytest.mark.parametrize("size", ["333x777", "97x64"])
def test_odd_sizes_are_kept_to_the_pixel(tmp_path: Path, size: str) -> None:
    render(
        tmp_path / "odd",
        "--count",
        "2",
        "--only",
        "sunsets,heron,panorama,focus_stack,bracket,singles",
        size=size,
    )
    width, height = (int(part) for part in size.split("x"))
    sizes = set()
    for path in (tmp_path / "odd").rglob("*.JPG"):
        with Image.open(path) as picture:
            sizes.add(picture.size)
    assert sizes == {(width, height)}


def test_bulk_writes_bursts_of_scenes_that_differ(tmp_path: Path) -> None:
    records = render(tmp_path / "bulk", "--bulk", "24", size="320x240")
    files = [name for record in records for name in record["files"]]
    assert len(files) == len(digests(tmp_path / "bulk")) == 24
    small: list[NDArray[np.float64]] = []
    owner: list[str] = []
    for record in records:
        moments = [moment(tmp_path / "bulk" / name) for name in record["files"]]
        assert moments == sorted(set(moments)) and (moments[-1] - moments[0]).total_seconds() < 15
        for name in record["files"]:
            with Image.open(tmp_path / "bulk" / name) as picture:
                assert picture.size == (320, 240)
                small.append(np.asarray(picture.convert("L").resize((16, 12)), dtype=np.float64))
            owner.append(record["series"])
    distance = np.array([[np.abs(a - b).mean() for b in small] for a in small])
    same = np.array([[a == b for b in owner] for a in owner])
    assert distance[same].max() < distance[~same].min()


def test_a_size_that_is_none_is_refused_with_a_sentence() -> None:
    command = [sys.executable, str(EXAMPLES / "render_shoot.py"), "unused", "--size", "large"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "'large' is not a size such as 1600x1200" in result.stderr
