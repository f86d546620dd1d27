"""From a name or a folder to a data set; and the real sets, where they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from finepick.datasets.catalog import KNOWN, known_dataset, load_dataset
from finepick.datasets.files import missing_photos
from finepick.datasets.manifest import write_manifest
from finepick.datasets.records import Dataset, LabelledSeries
from finepick.datasets.splits import split_dataset, write_splits
from finepick.datasets.targets import SCORES, distribution, mapped_mean, photos_of
from finepick.errors import DatasetError, PathNotFoundError

from .made import write

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

PUBLISHED = {
    "fgaesthetics": ("natural_train.txt", "1 1 2 0.8 1 2\n"),
    "photo-triage": ("train_val/train_pairlist.txt", "1 1 2 0.8 1 2\n"),
    "ava": ("AVA.txt", "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396\n"),
    "aadb": ("imgListFiles_label/imgListTrainRegression_score.txt", "a.jpg 0.5\n"),
    "tad66k": ("labels/merge/train.csv", "image,score\na.jpg,5\n"),
    "icaa17k": ("1train.csv", "ID,color,MOS\na.jpg,5,6\n"),
    "para": ("annotation/PARA-GiaaTrain.csv", "sessionId,imageName,aestheticScore_mean\ns,a.jpg,3\n"),
    "flickr-aes": ("FLICKR-AES_image_labeled_by_each_worker.csv", "worker,imagePair,score\nA,a.jpg,3\n"),
    "agiqa-3k": (
        "data.csv",
        "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\na_0.jpg,x,,,,1,1,1,1\n",
    ),
    "hpd": ("train.json", '[{"prompt": "x", "path1": "a.jpg", "path2": "b.jpg"}]'),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_known_name_with_its_root_and_the_folder_alone_give_the_same_labels(tmp_path, name):
    file, text = PUBLISHED[name]
    write(tmp_path / file, text)

    named, found = load_dataset(name, str(tmp_path)), load_dataset(str(tmp_path))

    assert named.name == name
    assert (named.series, named.photos) == (found.series, found.photos)
    assert len(named.series) + len(named.photos) == 1


def test_the_spelling_of_a_name_does_not_matter():
    assert known_dataset("FLICKR_AES") is known_dataset("flickr-aes")
    assert known_dataset("Pick a Pic").name == "pick-a-pic"
    assert known_dataset("PhotoTriage").title == "Princeton Photo Triage"


def test_every_entry_says_whom_to_cite_under_which_licence_and_what_is_expected():
    names = [entry.name for entry in KNOWN]

    assert len(set(names)) == len(names)
    for entry in KNOWN:
        assert entry.title and entry.files and entry.licence
        assert any(str(year) in entry.citation for year in range(2010, 2030))


def test_a_folder_with_a_manifest_is_a_data_set_by_itself(tmp_path):
    write(tmp_path / "set/coarse.csv", "file,score\na.jpg,5\n")
    write(tmp_path / "set/natural_train.txt", "not read\n")

    for path in (tmp_path / "set", tmp_path / "set/coarse.csv"):
        dataset = load_dataset(str(path))
        assert (dataset.name, len(dataset.photos)) == ("set", 1)


def test_what_is_no_data_set_is_refused_with_the_way_out(tmp_path, monkeypatch):
    write(tmp_path / "notes.txt", "x")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        DatasetError, match=r"there is no data set here that is known; expected series\.jsonl, coa"
    ):
        load_dataset(str(tmp_path))
    with pytest.raises(DatasetError, match="this is not a folder; name the folder that the data set is in"):
        load_dataset("notes.txt")
    with pytest.raises(
        DatasetError, match="'nonsense' is neither a folder nor a known data set; known are fgaes"
    ):
        load_dataset("nonsense")
    with pytest.raises(
        DatasetError, match=r"where is AVA\? say so with --root DIR; expected there: AVA\.txt, "
    ):
        load_dataset("ava")
    for use in (lambda: load_dataset("./nowhere"), lambda: load_dataset("ava", "nowhere")):
        with pytest.raises(PathNotFoundError, match="nowhere' is not a folder; check the spelling"):
            use()


def test_a_folder_that_could_be_two_sets_is_asked_about(tmp_path):
    for name in ("ava", "photo-triage"):
        write(tmp_path / PUBLISHED[name][0], PUBLISHED[name][1])

    with pytest.raises(DatasetError) as caught:
        load_dataset(str(tmp_path))

    assert (
        caught.value.message
        == f"{tmp_path}: this could be photo-triage or ava; say which by its name, with --root"
    )
    assert load_dataset("ava", str(tmp_path)).name == "ava"


def test_files_that_belong_to_no_set_do_not_hide_the_one_that_is_there(tmp_path):
    for folder in "ab":
        write(tmp_path / folder / "train.csv", "image,score\nx.jpg,1\n")
    with pytest.raises(DatasetError, match=r"train\.csv is there twice, as "):
        load_dataset(str(tmp_path))

    write(tmp_path / "AVA.txt", PUBLISHED["ava"][1])

    assert load_dataset(str(tmp_path)).name == "ava"


def test_splits_beside_a_data_set_are_given_to_it_or_checked(tmp_path):
    series = tuple(LabelledSeries(f"s{i}", (f"{i}a.jpg", f"{i}b.jpg"), ranks=(1, 2)) for i in range(10))
    dataset = Dataset("made", str(tmp_path), series)
    split = split_dataset(dataset)
    write_manifest(dataset, str(tmp_path))
    write_splits(split, str(tmp_path))

    assert load_dataset(str(tmp_path)).series == split.series
    write_manifest(split, str(tmp_path), overwrite=True)
    assert load_dataset(str(tmp_path)).series == split.series
    write_manifest(split_dataset(dataset, seed=1), str(tmp_path), overwrite=True)
    with pytest.raises(
        DatasetError, match=r"splits\.json: the data set is not split as it was when this was"
    ):
        load_dataset(str(tmp_path))


def test_reading_labels_loads_nothing_heavy():
    listing = (
        "import sys, finepick.datasets.catalog, finepick.datasets.conversion, finepick.datasets.targets;"
        "print([n for n in ('torch', 'pyarrow', 'scipy', 'PIL', 'pandas') if n in sys.modules])"
    )

    assert subprocess.check_output([sys.executable, "-c", listing], text=True).strip() == "[]"


REAL = {
    # name: series, photos in series, photos rated one by one; as their README says
    "oasis": (0, 0, 567),
    "agiqa3k": (190, 1504, 0),
    "contrast_gamma": (6, 150, 0),
    "blur_jpeg": (6, 60, 0),
}


@pytest.fixture(params=REAL)
def real(request):
    if not (DATA / request.param).is_dir():
        pytest.skip(f"the real data are not here: {DATA / request.param} (set FINEPICK_DATA)")
    return request.param, load_dataset(str(DATA / request.param))


def test_real_sets_are_read_completely(real):
    name, dataset = real

    in_series = sum(len(series.photos) for series in dataset.series)
    assert (len(dataset.series), in_series, len(dataset.photos)) == REAL[name]
    assert missing_photos(dataset) == ()
    assert dataset.remarks == ()
    assert set(Counter(entry.split for entry in (*dataset.series, *dataset.photos))) <= {
        "train",
        "val",
        "test",
    }


def test_real_sets_come_back_from_a_manifest_and_become_distributions(real, tmp_path):
    _, dataset = real

    write_manifest(dataset, str(tmp_path / "copy"), with_photos=False)

    again = load_dataset(str(tmp_path / "copy"))
    assert (again.series, again.photos) == (dataset.series, dataset.photos)
    photos = [*dataset.photos, *(photo for series in dataset.series for photo in photos_of(series))]
    means = np.array([distribution(photo) @ SCORES for photo in photos])
    np.testing.assert_allclose(means, [mapped_mean(photo) for photo in photos], atol=1e-6)
    assert means.std() > 0.3


def test_a_folder_of_groups_without_labels_is_no_data_set():
    folder = DATA / "unlabelled_series"
    if not folder.is_dir():
        pytest.skip(f"the real data are not here: {folder} (set FINEPICK_DATA)")

    with pytest.raises(DatasetError, match="there is no data set here that is known"):
        load_dataset(str(folder))
