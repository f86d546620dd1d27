"""AVA, AADB, TAD66K, ICAA17K, PARA, FLICKR-AES, AGIQA-3K: made files in the published layouts."""

from __future__ import annotations

import statistics
from functools import partial

import pytest

from finepick.datasets.agiqa import read_agiqa
from finepick.datasets.ava import read_ava
from finepick.datasets.flickr_aes import read_flickr_aes
from finepick.datasets.rated_tables import AADB, ICAA17K, ICAA17K_COLOR, PARA, TAD66K, read_rated_table
from finepick.datasets.records import LabelledPhoto
from finepick.errors import DatasetError

from .made import kinds, put, write

AVA_ROWS = """\
1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396
2 953958 10 7 15 26 26 21 10 8 1 2 15 21 1396
3 954184 0 0 4 8 41 56 10 3 4 0 0 0 1396
"""
PARA_HEADER = "sessionId,imageName,aestheticScore_mean,aestheticScore_std," + ",".join(
    f"aestheticScore_{answer}" for answer in ("1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0")
)
AGIQA_HEADER = "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\n"


def test_ava_gives_votes_mean_and_spread_of_the_people_asked(tmp_path):
    write(tmp_path / "AVA.txt", AVA_ROWS)
    write(tmp_path / "aesthetics_image_lists/generic_ls_train.jpgl", "953619\n954184\n")
    write(tmp_path / "aesthetics_image_lists/generic_test.jpgl", "953958 \n")
    put(tmp_path, "images/953619.jpg", "images/953958.jpg", "images/954184.jpg")

    dataset = read_ava(str(tmp_path))

    votes = (
        [1] * 10 + [2] * 7 + [3] * 15 + [4] * 26 + [5] * 26 + [6] * 21 + [7] * 10 + [8] * 8 + [9] + [10] * 2
    )
    second = dataset.photos[1]
    assert second.file == "images/953958.jpg"
    assert second.score == pytest.approx(statistics.mean(votes), abs=1e-12)
    assert second.std == pytest.approx(statistics.pstdev(votes), abs=1e-12)
    assert second.votes == (10, 7, 15, 26, 26, 21, 10, 8, 1, 2)
    assert (second.n, second.low, second.high) == (126, 1.0, 10.0)
    assert [photo.split for photo in dataset.photos] == ["train", "test", "train"]
    assert kinds(dataset) == ["not_kept"]


def test_what_ava_lacks_is_told_and_nothing_is_left_out(tmp_path):
    write(tmp_path / "AVA.txt", AVA_ROWS + AVA_ROWS.splitlines()[0] + "\n")
    put(tmp_path, "image/953619.jpg")

    dataset = read_ava(str(tmp_path))

    assert len(dataset.photos) == 4
    assert dataset.photos[2].file == "images/954184.jpg"
    assert kinds(dataset) == ["duplicate_photo", "missing_photo", "missing_photo", "no_split", "not_kept"]


def test_ids_in_a_list_that_nobody_voted_on_are_told(tmp_path):
    write(tmp_path / "AVA.txt", AVA_ROWS)
    write(tmp_path / "generic_ls_train.jpgl", "953619\n77\n")
    write(tmp_path / "generic_test.jpgl", "953958")

    dataset = read_ava(str(tmp_path))

    assert [photo.split for photo in dataset.photos] == ["train", "test", ""]
    assert [r.text for r in dataset.remarks if r.kind == "unlabelled_photo"] == [
        "photo 77 of a split list has no votes"
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1 2 3", "3 numbers instead of 15; a row is: number, id, ten counts of votes, two tags, challenge"),
        ("1 2 0 0 0 0 0 0 0 0 0 0 1 1 1", "nobody voted on photo 2; correct the row or take it out"),
        ("1 2 0 0 0 -1 0 0 0 0 0 9 1 1 1", "a number is -1; it has to be at least 0"),
        ("1 2 0 0 0 x 0 0 0 0 0 9 1 1 1", "a number is 'x'; it has to be a number"),
        ("1 2 0 0 0 1.5 0 0 0 0 0 9 1 1 1", "a number is 1.5; it has to be a whole number"),
    ],
)
def test_a_malformed_row_of_ava_is_refused(tmp_path, row, message):
    path = write(tmp_path / "AVA.txt", AVA_ROWS + row + "\n")

    with pytest.raises(DatasetError) as caught:
        read_ava(str(tmp_path))

    assert caught.value.message == f"{path}, line 4: {message}"


def test_an_id_in_both_lists_of_ava_is_refused(tmp_path):
    write(tmp_path / "AVA.txt", AVA_ROWS)
    write(tmp_path / "generic_ls_train.jpgl", "953619")
    write(tmp_path / "generic_test.jpgl", "1\n953619")

    with pytest.raises(
        DatasetError, match=r"generic_test\.jpgl, line 2: photo 953619 is in both lists; take"
    ):
        read_ava(str(tmp_path))


def test_aadb_is_read_from_its_three_lists_and_original_sizes_are_preferred(tmp_path):
    labels = tmp_path / "imgListFiles_label"
    write(labels / "imgListTrainRegression_score.txt", "farm1_1.jpg 0.7\nfarm1_2.jpg 0.35\n")
    write(labels / "imgListValidationRegression_score.txt", "farm1_3.jpg 1.0 \n")
    write(labels / "imgListTestNewRegression_score.txt", "farm1_4.jpg 0\n")
    write(labels / "imgListTrainRegression_ColorHarmony.txt", "farm1_1.jpg -1\n")
    for folder in ("datasetImages_warp256", "datasetImages_originalSize"):
        put(tmp_path, *(f"{folder}/farm1_{i}.jpg" for i in (1, 2, 3)))
    put(tmp_path, "AADB_newtest_originalSize/farm1_4.jpg")

    dataset = read_rated_table(str(tmp_path), AADB)

    assert dataset.photos[0] == LabelledPhoto(
        "datasetImages_originalSize/farm1_1.jpg", 0.7, low=0.0, high=1.0, split="train"
    )
    assert [(photo.split, photo.score) for photo in dataset.photos[1:]] == [
        ("train", 0.35),
        ("val", 1),
        ("test", 0),
    ]
    assert dataset.photos[3].file == "AADB_newtest_originalSize/farm1_4.jpg"
    assert dataset.remarks == ()


def test_tad66k_is_read_from_the_merged_lists(tmp_path):
    write(tmp_path / "labels/merge/train.csv", "image,score\n1.jpg,5.5\n")
    write(tmp_path / "labels/merge/test.csv", "image,score\n2.jpg,7.25\n")
    write(tmp_path / "labels/unmerge/plant/train.csv", "image,score\n1.jpg,5.5\n")
    put(tmp_path, "TAD66K/1.jpg", "TAD66K/2.jpg")

    dataset = read_rated_table(str(tmp_path), TAD66K)

    assert [(photo.file, photo.score, photo.split) for photo in dataset.photos] == [
        ("TAD66K/1.jpg", 5.5, "train"),
        ("TAD66K/2.jpg", 7.25, "test"),
    ]


@pytest.mark.parametrize(("layout", "score"), [(ICAA17K, 6.72), (ICAA17K_COLOR, 5.64)])
def test_icaa17k_is_read_by_either_of_its_means(tmp_path, layout, score):
    header = "ID,color,MOS,probability\n"
    write(tmp_path / "1train.csv", header + "complementary/orange_blue/a@N1.jpg,5.64,6.72,0.69\n")
    write(tmp_path / "1test.csv", header + "complementary/orange_green/a@N1.jpg,5,4,0.6\n")
    write(tmp_path / "1all.csv", header)
    put(tmp_path, "img/complementary/orange_blue/a@N1.jpg", "img/complementary/orange_green/a@N1.jpg")

    dataset = read_rated_table(str(tmp_path), layout)

    assert dataset.photos[0].file == "img/complementary/orange_blue/a@N1.jpg"
    assert dataset.photos[0].score == score
    assert [photo.split for photo in dataset.photos] == ["train", "test"]
    assert kinds(dataset) == ["not_read", "unknown_column", "unknown_column"]


def test_a_list_of_everything_is_read_without_splits_where_it_is_alone(tmp_path):
    write(tmp_path / "1all.csv", "ID,color,MOS\na.jpg,5,6\n")

    (photo,) = read_rated_table(str(tmp_path), ICAA17K).photos

    assert (photo.file, photo.split) == ("a.jpg", "")


def test_para_gives_votes_of_nine_answers_in_folders_of_sessions(tmp_path):
    rows = "session1,iaa_pub1_.jpg,3.25,0.75,0,0,1,0,1,0,2,0,0,portrait\n"
    write(tmp_path / "annotation/PARA-GiaaTrain.csv", PARA_HEADER + ",semantic\n" + rows)
    rows = "session2,iaa_pub1_.jpg,4,,0,0,1,0,1,0,2,0,0,food\nsession3,iaa_pub2_.jpg,3,1,,,,,,,,,,food\n"
    write(tmp_path / "annotation/PARA-GiaaTest.csv", PARA_HEADER + ",semantic\n" + rows)
    put(tmp_path, "imgs/session1/iaa_pub1_.jpg", "imgs/session2/iaa_pub1_.jpg", "imgs/session3/iaa_pub2_.jpg")

    dataset = read_rated_table(str(tmp_path), PARA)

    first, second, third = dataset.photos
    assert first == LabelledPhoto(
        "imgs/session1/iaa_pub1_.jpg",
        3.25,
        0.75,
        4,
        1.0,
        5.0,
        (0, 0, 1, 0, 1, 0, 2, 0, 0),
        "portrait",
        "train",
    )
    assert second.file == "imgs/session2/iaa_pub1_.jpg"
    assert second.std == pytest.approx(statistics.pstdev([2, 3, 4, 4]))
    assert (third.votes, third.n, third.std) == (None, None, 1.0)
    assert [remark.kind for remark in dataset.remarks] == ["contradicts_votes"]


def test_flickr_aes_is_the_mean_of_what_people_said(tmp_path):
    ratings = [
        ("A1", "a.jpg", 3),
        ("A2", "a.jpg", 5),
        ("A1", "b.jpg", 1),
        ("A3", "a.jpg", 5),
        ("A3", "a.jpg", 4),
    ]
    text = "".join(f"{worker}, {name}, {score}\n" for worker, name, score in ratings)
    write(tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv", " worker, imagePair, score\n" + text)
    write(tmp_path / "FLICKR-AES_image_score.txt", "a.jpg 0.5\n")
    put(tmp_path, "40K/a.jpg", "40K/b.jpg")

    dataset = read_flickr_aes(str(tmp_path))

    first, second = dataset.photos
    assert (first.file, first.n, first.votes) == ("40K/a.jpg", 4, (0, 0, 1, 1, 2))
    assert first.score == pytest.approx(4.25)
    assert first.std == pytest.approx(statistics.pstdev([3, 5, 5, 4]))
    assert (second.score, second.std, second.n) == (1.0, 0.0, 1)
    assert sum(photo.n for photo in dataset.photos) == len(ratings)
    assert kinds(dataset) == ["duplicate_photo", "not_read"]


def test_flickr_aes_means_are_read_where_ratings_are_missing(tmp_path):
    write(tmp_path / "FLICKR-AES_image_score.txt", " a.jpg 0.5\nb.jpg 1\n")

    dataset = read_flickr_aes(str(tmp_path))

    assert dataset.photos[0] == LabelledPhoto("40K/a.jpg", 0.5, low=0.0, high=1.0)
    assert kinds(dataset) == ["no_photos"]


@pytest.mark.parametrize("score", ["6", "0", "2.5", "x"])
def test_an_answer_that_cannot_be_given_is_refused(tmp_path, score):
    path = write(
        tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv", f"worker,imagePair,score\nA,a.jpg,{score}\n"
    )

    with pytest.raises(DatasetError, match=f"line 2: score is '?{score}'?; ") as caught:
        read_flickr_aes(str(tmp_path))

    assert caught.value.path == str(path)


def test_agiqa_series_are_pictures_of_one_prompt(tmp_path):
    rows = (
        'AttnGAN_normal_000.jpg,"a cat, sitting",,,,0.7,0.4,1.1,0.5\n'
        "DALLE2_000.jpg,another,anime,,baroque,3,0.5,2,0.6\n"
        'DALLE2_normal_000.jpg,"a cat, sitting",,,,3.05,0.53,4.0,0.2\n'
        "sd1.5_lowcorr_007.jpg,third,,,,2,,2,\n"
    )
    write(tmp_path / "data.csv", AGIQA_HEADER + rows)
    put(
        tmp_path, "AttnGAN_normal_000.jpg", "DALLE2_normal_000.jpg", "DALLE2_000.jpg", "sd1.5_lowcorr_007.jpg"
    )

    dataset = read_agiqa(str(tmp_path))

    assert [series.series for series in dataset.series] == ["p000", "row001", "p007"]
    cat = dataset.series[0]
    assert cat.photos == ("AttnGAN_normal_000.jpg", "DALLE2_normal_000.jpg")
    assert (cat.scores, cat.scale, cat.category) == ((0.7, 3.05), (0.0, 5.0), "aigc")
    assert cat.others["score_sd"] == [0.4, 0.53]
    assert cat.others["align"] == [1.1, 4.0]
    assert dataset.series[1].others["style"] == ["baroque"]
    assert dataset.series[2].others["score_sd"] == [None]
    assert sum(len(series.photos) for series in dataset.series) == 4


def test_a_picture_that_agiqa_rates_twice_is_refused(tmp_path):
    path = write(tmp_path / "data.csv", AGIQA_HEADER + "a_0.jpg,x,,,,1,1,1,1\n" * 2)

    with pytest.raises(DatasetError) as caught:
        read_agiqa(str(tmp_path))

    assert caught.value.message == (
        f"{path}, line 3: 'a_0.jpg' is rated twice (first at {path}:2); keep one of the rows"
    )


WRONG_COLUMNS = [
    (
        partial(read_rated_table, layout=TAD66K),
        "train.csv",
        "there is no column image or img or filename or file, ",
    ),
    (
        partial(read_rated_table, layout=ICAA17K),
        "1train.csv",
        "there is no column ID, but name, mean; name the ",
    ),
    (
        partial(read_rated_table, layout=PARA),
        "PARA-GiaaTrain.csv",
        "there is no column imageName, but name, mean; ",
    ),
    (
        read_agiqa,
        "data.csv",
        "there is no column prompt and no column mos_quality and no column std_quality and ",
    ),
    (
        read_flickr_aes,
        "FLICKR-AES_image_labeled_by_each_worker.csv",
        "there is no column worker and no column imagePair and no column score; expected worker, imagePair, score",
    ),
]


@pytest.mark.parametrize(("read", "name", "message"), WRONG_COLUMNS, ids=lambda value: str(value)[:20])
def test_other_columns_are_refused_with_those_that_were_expected(tmp_path, read, name, message):
    path = write(tmp_path / name, "name,mean\na.jpg,3\n")

    with pytest.raises(DatasetError) as caught:
        read(str(tmp_path))

    assert caught.value.message.startswith(f"{path}, line 1: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg", "1 words instead of two; a line is: name of the photo, score"),
        ("a b.jpg 0.5", "3 words instead of two; a line is: name of the photo, score"),
        ("a.jpg high", "score is 'high'; it has to be a number"),
        (
            "../a.jpg 0.5",
            "the photo '../a.jpg' lies outside the data set's folder; photos have to lie below it; ",
        ),
    ],
)
def test_a_malformed_line_of_aadb_is_refused(tmp_path, text, message):
    path = write(tmp_path / "imgListTrainRegression_score.txt", f"b.jpg 0.1\n{text}\n")

    with pytest.raises(DatasetError) as caught:
        read_rated_table(str(tmp_path), AADB)

    assert caught.value.message.startswith(f"{path}, line 2: {message}")


def test_a_photo_in_train_and_test_and_a_score_off_the_scale_are_told(tmp_path):
    write(tmp_path / "imgListTrainRegression_score.txt", "a.jpg 0.1\n")
    write(tmp_path / "imgListTestNewRegression_score.txt", "a.jpg 1.1\n")

    dataset = read_rated_table(str(tmp_path), AADB)

    assert kinds(dataset) == ["duplicate_photo", "no_photos", "photo_in_two_splits", "score_off_scale"]
    assert len(dataset.photos) == 2


@pytest.mark.parametrize(
    "read", [read_ava, read_flickr_aes, read_agiqa, partial(read_rated_table, layout=AADB)]
)
def test_a_folder_without_label_files_is_told_what_was_expected(tmp_path, read):
    with pytest.raises(DatasetError, match=r"there are no label files of .+ here; expected "):
        read(str(tmp_path))
