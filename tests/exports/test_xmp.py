"""Sidecars: which file, which values, whose values; what is refused; and that photos are never touched."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import textwrap
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from finepick.errors import UsageError
from finepick.exports.marks import HumanMark
from finepick.exports.packet import DIGIKAM, FINEPICK, PHOTOSHOP, RDF, XMP, XMP_DM
from finepick.exports.xmp import (
    BACKUP_SUFFIX,
    XmpOptions,
    XmpReport,
    parse_ratings,
    plan_sidecars,
    write_sidecars,
)

from . import sidecars
from .results import kept_whole, photo, ranked, result

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEEP = {"Label": "Green", "pick": "1", "PickLabel": "3"}
REJECT = {"Rating": "-1", "pick": "-1", "PickLabel": "1"}


def shot(folder, name: str, **facts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(os.fsencode(name) * 100)
    return photo(str(folder / name), **facts)


def run(*series, **options) -> XmpReport:
    chosen = XmpOptions(**options)
    plans = plan_sidecars(result(*series), chosen)
    return write_sidecars(plans, clock=lambda: NOW, overwrite=chosen.overwrite)


def kept(entry, **details):
    return ranked(entry, scores=(1.0,), **details)


def not_kept(entry):
    return ranked(entry, scores=(1.0,), keep=(False,))


def marks(path) -> dict[str, str]:
    """The marks in a sidecar, read with a walk of its own: attributes and simple elements."""
    wanted = {
        **{f"{{{XMP}}}{name}": name for name in ("Rating", "Label")},
        **{f"{{{XMP_DM}}}{name}": name for name in ("pick", "good")},
        **{f"{{{DIGIKAM}}}{name}": name for name in ("PickLabel", "ColorLabel")},
        f"{{{PHOTOSHOP}}}Urgency": "Urgency",
    }
    found = {}
    for description in etree.parse(str(path)).iterfind(f".//{{{RDF}}}RDF/{{{RDF}}}Description"):
        for name, value in [*description.attrib.items(), *((child.tag, child.text) for child in description)]:
            if name in wanted:
                assert wanted[name] not in found, "one value only"
                found[wanted[name]] = value
    return found


def own(path) -> dict[str, str]:
    (description, *_) = etree.parse(str(path)).iterfind(f".//{{{RDF}}}RDF/{{{RDF}}}Description")
    prefix = f"{{{FINEPICK}}}"
    return {name.removeprefix(prefix): value for name, value in description.attrib.items() if prefix in name}


def sidecar(*properties: str, form: str = "attribute") -> str:
    """A sidecar with the given properties, such as 'xmp:Label=Red'."""
    pairs = [entry.split("=") for entry in properties]
    attributes = " ".join(f'{name}="{value}"' for name, value in pairs) if form == "attribute" else ""
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in pairs) if form == "element" else ""
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">
      <rdf:Description rdf:about="" xmlns:xmp="{XMP}" xmlns:xmpDM="{XMP_DM}" xmlns:digiKam="{DIGIKAM}"
        xmlns:photoshop="{PHOTOSHOP}" xmlns:mine="urn:mine" mine:own="kept" {attributes}>{elements}
      </rdf:Description></rdf:RDF></x:xmpmeta>"""


# Which file


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        ("IMG.CR3", [], "IMG.xmp"),
        ("IMG.JPG", [], "IMG.JPG.xmp"),
        ("IMG.HEIC", [], "IMG.HEIC.xmp"),
        ("IMG.CR3", ["IMG.CR3.xmp"], "IMG.CR3.xmp"),
        ("IMG.CR3", ["IMG.xmp"], "IMG.xmp"),
        ("IMG.JPG", ["IMG.xmp"], "IMG.xmp"),
        ("IMG.JPG", ["IMG.JPG.xmp"], "IMG.JPG.xmp"),
        ("IMG.CR3", ["img.XMP"], "img.XMP"),
        ("IMG.CR3", ["IMG.cr3.xmp"], "IMG.cr3.xmp"),
        ("IMG.CR3", ["IMG.CR3.xmp", "IMG.xmp"], "IMG.xmp"),
        ("IMG.JPG", ["IMG.JPG.xmp", "IMG.xmp"], "IMG.JPG.xmp"),
        ("IMG.CR3", ["IMG.MOV", "IMG.txt", "IMG_2.JPG"], "IMG.xmp"),
        # Photos that share a stem and are not one RAW and its JPEG.
        ("IMG.HEIC", ["IMG.JPG"], "IMG.HEIC.xmp"),
        ("IMG.CR3", ["IMG.NEF"], "IMG.CR3.xmp"),
        ("IMG.CR3", ["IMG.PNG"], "IMG.CR3.xmp"),
        ("IMG.CR3", ["IMG.JPG", "IMG.PNG"], "IMG.CR3.xmp"),
        ("IMG.CR3", ["IMG.JPG", "IMG.jpeg"], "IMG.CR3.xmp"),
        ("IMG.CR3", ["IMG.NEF", "IMG.xmp"], "IMG.CR3.xmp"),
        ("IMG.JPG", ["IMG.HEIC", "IMG.xmp"], "IMG.JPG.xmp"),
        ("IMG.JPG", ["img.png", "img.xmp"], "IMG.JPG.xmp"),
        # One RAW and its JPEG are one photo, named here alone.
        ("IMG.CR3", ["IMG.JPG"], "IMG.xmp"),
        ("IMG.JPG", ["IMG.CR3", "IMG.xmp"], "IMG.xmp"),
        # The name of one photo may be the stem of another.
        ("IMG.CR3.jpg", ["IMG.CR3", "IMG.CR3.xmp"], "IMG.CR3.jpg.xmp"),
        ("IMG.CR3", ["IMG.CR3.jpg"], "IMG.xmp"),
        ("IMG.JPG.CR3", ["IMG.JPG"], "IMG.JPG.CR3.xmp"),
        ("no extension", [], "no extension.xmp"),
        ("ÉTÉ.CR3", ["été.xmp"], "été.xmp"),
    ],
)
def test_the_sidecar_is_the_one_that_is_there_or_the_one_that_others_look_for(name, there, expected):
    entry = photo(f"shoot/{name}")

    (plan,) = plan_sidecars(result(kept(entry)), XmpOptions(), neighbours=lambda folder: [name, *there])

    assert plan.sidecar == os.path.join("shoot", expected)


def test_a_raw_and_its_jpeg_share_one_sidecar(tmp_path):
    raw = shot(tmp_path, "IMG.CR3")
    shot(tmp_path, "IMG.JPG")
    pair = photo(raw.path, str(tmp_path / "IMG.JPG"))

    report = run(kept(pair))

    assert report.written == (str(tmp_path / "IMG.xmp"),)
    assert set(os.listdir(tmp_path)) == {"IMG.CR3", "IMG.JPG", "IMG.xmp"}


def test_a_sidecar_of_unclear_owner_is_left_alone(tmp_path):
    first, second = shot(tmp_path, "IMG.JPG"), shot(tmp_path, "IMG.HEIC")
    (tmp_path / "IMG.xmp").write_text(sidecars.LIGHTROOM)

    run(kept(first), kept(second, id="s0002"))

    assert (tmp_path / "IMG.xmp").read_text() == sidecars.LIGHTROOM
    assert marks(tmp_path / "IMG.JPG.xmp") == marks(tmp_path / "IMG.HEIC.xmp") == KEEP


def test_two_photos_never_share_a_sidecar(tmp_path):
    entry = shot(tmp_path, "IMG.JPG")
    again = photo(os.path.join(os.path.dirname(entry.path), ".", "IMG.JPG"))

    report = run(kept(entry), kept(again, id="s0002"))

    assert len(report.written) == 1
    assert [refused.reason for refused in report.refused] == [f"it is that of {entry.path} as well"]


# Which values


def test_a_keep_gets_label_pick_and_scores_and_the_rest_gets_nothing(tmp_path):
    best, rest = shot(tmp_path, "b.CR3"), shot(tmp_path, "a.CR3")
    burst = ranked(rest, best, scores=(0.25, 1.0), coarse=(5.0, 6.125), id="s0042")

    report = run(burst)

    assert report == XmpReport((str(tmp_path / "b.xmp"),), (), (), ())
    assert marks(tmp_path / "b.xmp") == KEEP
    mine = own(tmp_path / "b.xmp")
    assert (mine["Series"], mine["Rank"], mine["Score"], mine["Coarse"]) == ("s0042", "1", "1", "6.125")
    assert float(mine["PBest"]) == pytest.approx(0.679179, abs=1e-6)
    assert (mine["Model"], mine["Fingerprint"]) == ("measured 1", "ab" * 32)
    assert set(os.listdir(tmp_path)) == {"a.CR3", "b.CR3", "b.xmp"}


def test_the_sidecar_says_when_it_was_written(tmp_path):
    run(kept(shot(tmp_path, "a.CR3")))

    assert 'xmp:MetadataDate="2026-01-02T03:04:05+00:00"' in (tmp_path / "a.xmp").read_text()


def test_rejects_are_marked_only_when_asked_for(tmp_path):
    best, rest = shot(tmp_path, "b.jpg"), shot(tmp_path, "a.jpg")

    run(ranked(best, rest, scores=(1.0, 0.0)), rejects=True, ratings={"rest": 2, "keep": 4})

    assert marks(tmp_path / "b.jpg.xmp") == KEEP | {"Rating": "4"}
    assert marks(tmp_path / "a.jpg.xmp") == REJECT
    assert own(tmp_path / "a.jpg.xmp")["Rank"] == "2"


def test_a_set_kept_whole_is_marked_without_scores(tmp_path):
    run(kept_whole(shot(tmp_path, "a.jpg"), shot(tmp_path, "b.jpg")))

    for name in ("a.jpg.xmp", "b.jpg.xmp"):
        assert marks(tmp_path / name) == KEEP
        assert set(own(tmp_path / name)) == {"WroteLabel", "WrotePick", "WrotePickLabel"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("best=5,keep=4,rest=2", ["5", "4", "2", "2"]),
        ("1=5,2=4,3=3", ["5", "4", "3", None]),
        ("keep=3", ["3", "3", None, None]),
        ("rest=1, 1=5 ,BEST=4", ["5", None, "1", "1"]),
    ],
)
def test_ratings_follow_the_map(tmp_path, text, expected):
    photos = [shot(tmp_path, f"{n}.jpg") for n in range(4)]
    burst = ranked(*photos, scores=(4.0, 3.0, 2.0, 1.0), keep=(True, True, False, False))

    run(burst, ratings=parse_ratings(text))

    paths = [tmp_path / f"{n}.jpg.xmp" for n in range(4)]
    assert [marks(path).get("Rating") if path.exists() else None for path in paths] == expected


def test_a_photo_by_itself_is_not_the_best_of_anything(tmp_path):
    run(kept(shot(tmp_path, "a.jpg")), ratings=parse_ratings("1=5,best=5,keep=3"))

    assert marks(tmp_path / "a.jpg.xmp")["Rating"] == "3"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "'' is none of best, keep, rest or a rank such as 1"),
        ("worst=1", "'worst' is none of best, keep, rest or a rank such as 1"),
        ("0=1", "'0' is none of best, keep, rest or a rank such as 1"),
        ("01=1", "'01' is none of best, keep, rest or a rank such as 1"),
        ("-1=1", "'-1' is none of best, keep, rest or a rank such as 1"),
        ("²=1", "'²' is none of best, keep, rest or a rank such as 1"),
        ("best", "'' is not a rating from 1 to 5"),
        ("best=6", "'6' is not a rating from 1 to 5"),
        ("rest=-1", "'-1' is not a rating from 1 to 5"),
        ("best=5,best=4", "'best' is there twice"),
        ("best=5,", "'' is none of best, keep, rest or a rank such as 1"),
    ],
)
def test_a_map_that_makes_no_sense_is_wrong_usage(text, what):
    with pytest.raises(UsageError) as caught:
        parse_ratings(text)

    assert caught.value.message == (
        f"the ratings '{text}' make no sense, {what}; write them like best=5,keep=4,rest=2"
    )


# Merging with what is there


@pytest.mark.parametrize("program", ["Lightroom", "darktable"])
def test_marks_join_what_a_program_has_written(tmp_path, program):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecars.ALL[program], encoding="utf-8")
    before = marks(path)

    run(kept(entry))

    text = path.read_text(encoding="utf-8")
    assert marks(path) == before | KEEP
    for line in sidecars.ALL[program].splitlines():
        for setting in ("crs:", "darktable:", "rdf:li", "stEvt:"):
            if line.strip().startswith(setting):
                assert line.strip().rstrip("/>") in text.replace(" xmlns", "\nxmlns"), line


def test_the_first_touch_leaves_a_backup_and_no_later_one_changes_it(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path, backup = tmp_path / "a.xmp", tmp_path / f"a.xmp{BACKUP_SUFFIX}"
    path.write_text(sidecars.LIGHTROOM)
    os.utime(path, ns=(10**18, 10**18))

    run(kept(entry))
    run(not_kept(entry))
    run(kept(entry), overwrite=True, ratings={"keep": 5})

    assert backup.read_text() == sidecars.LIGHTROOM
    assert backup.stat().st_mtime_ns == 10**18


def test_a_sidecar_that_we_made_ourselves_has_no_backup(tmp_path):
    entry = shot(tmp_path, "a.CR3")

    run(kept(entry))
    run(not_kept(entry))

    assert set(os.listdir(tmp_path)) == {"a.CR3", "a.xmp"}


def test_a_second_run_writes_nothing(tmp_path):
    entries = [shot(tmp_path, f"{n}.CR3") for n in range(3)]
    (tmp_path / "1.xmp").write_text(sidecars.LIGHTROOM)
    burst = ranked(*entries, scores=(3.0, 2.0, 1.0), keep=(True, True, False))
    run(burst, ratings={"keep": 4}, rejects=True)
    before = {path.name: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.iterdir()}

    report = run(burst, ratings={"keep": 4}, rejects=True)

    assert len(report.unchanged) == 3 and report.written == ()
    assert {path.name: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.iterdir()} == before


def test_a_former_keep_loses_its_marks_and_a_former_reject_is_picked(tmp_path):
    first, second = shot(tmp_path, "a.jpg"), shot(tmp_path, "b.jpg")
    run(ranked(first, second, scores=(1.0, 0.0)), rejects=True, ratings={"best": 5})

    run(ranked(first, second, scores=(0.0, 1.0)), ratings={"best": 5})

    assert marks(tmp_path / "a.jpg.xmp") == {}
    assert marks(tmp_path / "b.jpg.xmp") == KEEP | {"Rating": "5"}
    assert own(tmp_path / "a.jpg.xmp")["Rank"] == "2"


# Whose values


@pytest.mark.parametrize("form", ["attribute", "element"])
@pytest.mark.parametrize(
    ("theirs", "options", "expected", "human"),
    [
        (["xmp:Rating=3"], {"ratings": {"keep": 5}}, KEEP | {"Rating": "3"}, ("rating", "3")),
        (["xmp:Label=Red"], {}, {"Label": "Red", "pick": "1", "PickLabel": "3"}, ("label", "Red")),
        (["xmpDM:pick=-1"], {}, {"Label": "Green", "pick": "-1"}, ("pick", "-1")),
        (["digiKam:PickLabel=2"], {}, {"Label": "Green", "PickLabel": "2"}, ("pick", "2")),
        (["xmpDM:good=False"], {}, {"Label": "Green", "good": "False"}, ("pick", "False")),
        (["xmp:Rating=-1"], {}, {"Label": "Green", "Rating": "-1"}, ("pick", "rejected")),
        (
            ["digiKam:ColorLabel=1"],
            {},
            {"pick": "1", "PickLabel": "3", "ColorLabel": "1"},
            ("label", "1"),
        ),
        (["photoshop:Urgency=1"], {}, {"pick": "1", "PickLabel": "3", "Urgency": "1"}, ("label", "1")),
        # What they say is what we would have said.
        (["xmp:Label=Green"], {}, KEEP, None),
        # Zeros were written by programs.
        (
            ["xmp:Rating=0", "xmpDM:pick=0", "digiKam:PickLabel=0", "digiKam:ColorLabel=0"],
            {"ratings": {"keep": 5}},
            KEEP | {"Rating": "5", "ColorLabel": "0"},
            None,
        ),
    ],
)
def test_a_human_s_mark_stays(tmp_path, form, theirs, options, expected, human):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecar(*theirs, form=form))

    report = run(kept(entry), **options)

    assert marks(path) == expected
    assert report.human == (((entry.path, HumanMark(*human)),) if human else ())
    assert 'mine:own="kept"' in path.read_text()


def test_a_human_s_mark_stays_for_good_and_is_never_taken_back(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    theirs = ["xmp:Rating=3", "xmp:Label=Green", "xmpDM:pick=1"]
    path.write_text(sidecar(*theirs))

    run(kept(entry), ratings={"keep": 3})
    run(not_kept(entry))
    run(not_kept(entry), rejects=True)

    assert marks(path) == {"Rating": "3", "Label": "Green", "pick": "1"}


def test_overwriting_has_to_be_asked_for_and_can_be_taken_back(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecar("xmp:Rating=3", "xmp:Label=Red", "digiKam:PickLabel=1", "xmpDM:good=False"))

    report = run(kept(entry), ratings={"keep": 5}, overwrite=True)

    assert marks(path) == KEEP | {"Rating": "5", "good": "True"}
    assert report.human == ()
    run(not_kept(entry))
    assert marks(path) == {"good": "True"}


def test_a_mark_that_a_human_changed_after_us_is_theirs(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    run(kept(entry), ratings={"keep": 4})
    text = path.read_text().replace('xmp:Rating="4"', 'xmp:Rating="2"')
    path.write_text(text.replace('xmp:Label="Green"', 'xmp:Label="Blue"'))

    report = run(kept(entry), ratings={"keep": 5})

    assert marks(path) == KEEP | {"Rating": "2", "Label": "Blue"}
    assert {mark for _, mark in report.human} == {HumanMark("rating", "2"), HumanMark("label", "Blue")}


def test_where_a_human_rejects_in_one_program_our_pick_for_another_goes(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    run(kept(entry))
    path.write_text(path.read_text().replace('digiKam:PickLabel="3"', 'digiKam:PickLabel="1"'))

    run(kept(entry))

    assert marks(path) == {"Label": "Green", "PickLabel": "1"}


def test_a_mark_of_ours_that_a_human_cleared_is_not_put_back(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    run(kept(entry))
    path.write_text(path.read_text().replace('xmp:Label="Green"', ""))

    first, second = run(kept(entry)), run(kept(entry))

    assert marks(path) == {"pick": "1", "PickLabel": "3"}
    assert first.human == second.human == ((entry.path, HumanMark("label", None)),)
    run(kept(entry), overwrite=True)
    assert marks(path) == KEEP


def test_an_echo_of_ours_in_another_program_s_words_is_not_a_human(tmp_path):
    """digiKam repeats a label as its own colour and, like others, as urgency."""
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecar("digiKam:ColorLabel=0"))
    run(kept(entry))
    path.write_text(path.read_text().replace('ColorLabel="0"', 'ColorLabel="4" photoshop:Urgency="4"'))

    assert run(kept(entry)).human == ()
    run(not_kept(entry))

    assert marks(path) == {"ColorLabel": "4", "Urgency": "4"}


def test_a_rating_or_label_inside_the_photo_is_a_human_s(tmp_path):
    entry = shot(tmp_path, "a.jpg", rating=2, label="Yellow")

    report = run(kept(entry), ratings={"keep": 5})

    assert marks(tmp_path / "a.jpg.xmp") == {"pick": "1", "PickLabel": "3"}
    assert {mark for _, mark in report.human} == {HumanMark("rating", "2"), HumanMark("label", "Yellow")}


def test_a_mark_of_ours_that_a_program_copied_into_the_photo_is_still_ours(tmp_path):
    run(kept(shot(tmp_path, "a.jpg")), ratings={"keep": 4})
    again = shot(tmp_path, "a.jpg", rating=4, label="Green")

    report = run(not_kept(again))

    assert report.human == () and marks(tmp_path / "a.jpg.xmp") == {}


def test_a_human_s_mark_in_the_other_sidecar_counts(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    other = sidecar("xmp:Label=Red")
    (tmp_path / "a.CR3.xmp").write_text(other)
    (tmp_path / "a.xmp").write_text(sidecar())

    run(kept(entry))

    assert marks(tmp_path / "a.xmp") == {"pick": "1", "PickLabel": "3"}
    assert (tmp_path / "a.CR3.xmp").read_text() == other


VALUES = {
    "xmp:Rating": ["0", "1", "3", "4", "5", "-1"],
    "xmp:Label": ["Green", "Red"],
    "xmpDM:pick": ["0", "1", "-1"],
    "xmpDM:good": ["True", "False"],
    "digiKam:PickLabel": ["0", "1", "2", "3"],
    "digiKam:ColorLabel": ["0", "1", "4"],
    "photoshop:Urgency": ["4", "7"],
}


@given(
    theirs=st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}),
    runs=st.lists(
        st.tuples(st.booleans(), st.booleans(), st.sampled_from([{}, {"keep": 4, "rest": 1}])), max_size=4
    ),
    form=st.sampled_from(["attribute", "element"]),
)
@settings(deadline=None, max_examples=150)
def test_no_number_of_runs_changes_a_mark_that_means_something(tmp_path_factory, theirs, runs, form):
    folder = tmp_path_factory.mktemp("shoot")
    entry = shot(folder, "a.CR3")
    path = folder / "a.xmp"
    path.write_text(sidecar(*(f"{name}={value}" for name, value in theirs.items()), form=form))

    for is_kept, rejects, ratings in runs:
        run((kept if is_kept else not_kept)(entry), rejects=rejects, ratings=ratings)
    after = marks(path)
    run(not_kept(entry))
    cleared = marks(path)

    meaningful = {name.split(":")[1]: value for name, value in theirs.items() if value != "0"}
    assert meaningful.items() <= after.items()
    assert {name: value for name, value in cleared.items() if value != "0"} == meaningful


# What is refused


def test_the_photos_themselves_are_never_touched(tmp_path):
    entries = [shot(tmp_path, name) for name in ("a.CR3", "b.jpg", "c.dng")]
    before = {e.path: (os.stat(e.path).st_mtime_ns, os.stat(e.path).st_ino, e.digest) for e in entries}

    run(*(kept(e, id=e.path) for e in entries), ratings={"keep": 5})
    run(*(not_kept(e) for e in entries), rejects=True)

    for path, (mtime_ns, inode, digest) in before.items():
        status = os.stat(path)
        with open(path, "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == digest
        assert (status.st_mtime_ns, status.st_ino) == (mtime_ns, inode)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not well-formed XML"),
        ("<x:xmpmeta", "it is not well-formed XML"),
        ("<html><body/></html>", "it holds no XMP"),
        ("<!DOCTYPE a><a><b/></a>", "it declares a document type"),
    ],
)
def test_a_sidecar_that_is_none_is_refused_and_the_others_go_on(tmp_path, content, reason):
    bad, good = shot(tmp_path, "a.CR3"), shot(tmp_path, "b.CR3")
    (tmp_path / "a.xmp").write_text(content)

    report = run(kept(bad), kept(good, id="s0002"))

    (refused,) = report.refused
    assert (refused.photo, refused.sidecar) == (bad.path, str(tmp_path / "a.xmp"))
    assert refused.reason.startswith(reason)
    assert (tmp_path / "a.xmp").read_text() == content
    assert marks(tmp_path / "b.xmp") == KEEP
    assert set(os.listdir(tmp_path)) == {"a.CR3", "a.xmp", "b.CR3", "b.xmp"}


def test_a_damaged_sidecar_of_a_photo_that_is_not_kept_is_nobody_s_business(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    (tmp_path / "a.xmp").write_text("<x:xmpmeta")

    assert run(not_kept(entry)) == XmpReport((), (), (), ())


def test_a_write_protected_sidecar_is_refused(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecars.LIGHTROOM)
    path.chmod(0o444)

    report = run(kept(entry))

    assert [refused.reason for refused in report.refused] == ["it is write-protected"]
    assert path.read_text() == sidecars.LIGHTROOM
    assert set(os.listdir(tmp_path)) == {"a.CR3", "a.xmp"}


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX")
def test_a_sidecar_keeps_its_permissions(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecars.LIGHTROOM)
    path.chmod(0o660)

    run(kept(entry))

    assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("target", ["real.xml", "nowhere"])
def test_a_sidecar_that_is_a_link_is_refused(tmp_path, target):
    entry = shot(tmp_path / "shoot", "a.CR3")
    (tmp_path / "real.xml").write_text(sidecars.LIGHTROOM)
    (tmp_path / "shoot/a.xmp").symlink_to(tmp_path / target)

    report = run(kept(entry))

    assert [refused.reason for refused in report.refused] == [
        "it is a link; nothing is written through links"
    ]
    assert (tmp_path / "real.xml").read_text() == sidecars.LIGHTROOM
    assert (tmp_path / "shoot/a.xmp").is_symlink()


def test_a_folder_in_the_place_of_a_sidecar_is_refused(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    (tmp_path / "a.xmp").mkdir()

    assert [refused.reason for refused in run(kept(entry)).refused] == ["it is not a file"]


def test_a_photo_or_folder_that_is_gone_is_refused(tmp_path):
    gone, unplugged = shot(tmp_path / "here", "a.CR3"), shot(tmp_path / "there", "b.CR3")
    os.unlink(gone.path)
    os.unlink(unplugged.path)
    (tmp_path / "there").rmdir()

    report = run(kept(gone), kept(unplugged, id="s0002"))

    assert [refused.reason for refused in report.refused] == [
        "the photo is not there any more",
        "its folder cannot be read, it does not exist",
    ]
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX")
def test_a_folder_that_must_not_be_written_is_refused_with_the_reason(tmp_path):
    """Nothing is forbidden to root, so a child process becomes nobody first."""
    program = f"""
    import os, sys, tempfile
    sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
    from exports.results import photo, ranked, result
    from finepick.exports.xmp import XmpOptions, plan_sidecars, write_sidecars
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = os.path.join(folder, "a.CR3")
        open(path, "wb").close()
        os.chmod(folder, 0o555)
        report = write_sidecars(plan_sidecars(result(ranked(photo(path), scores=(1.0,))), XmpOptions()))
        os.chmod(folder, 0o755)
        print([refused.reason for refused in report.refused], os.listdir(folder))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "['it cannot be written, permission denied'] ['a.CR3']\n", done.stderr


# Other programs at the same time


class Meddler:
    """A clock that is asked in the middle of the work, and uses the moment to let another program write."""

    def __init__(self, path, contents) -> None:
        self.path, self.contents = path, iter(contents)

    def __call__(self) -> datetime:
        content = next(self.contents, None)
        if content is not None:
            self.path.write_text(content)
        return NOW


def test_what_another_program_writes_meanwhile_is_not_lost(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecars.LIGHTROOM)
    clock = Meddler(path, [sidecar("xmp:Label=Blue")])

    report = write_sidecars(plan_sidecars(result(kept(entry)), XmpOptions()), clock=clock)

    assert marks(path) == {"Label": "Blue", "pick": "1", "PickLabel": "3"}
    assert 'mine:own="kept"' in path.read_text()
    assert report.written == (str(path),)


def test_a_sidecar_that_another_program_makes_meanwhile_is_not_overwritten(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    clock = Meddler(path, [sidecars.LIGHTROOM])

    write_sidecars(plan_sidecars(result(kept(entry)), XmpOptions()), clock=clock)

    assert marks(path) == KEEP | {"Rating": "3"}
    assert (tmp_path / f"a.xmp{BACKUP_SUFFIX}").read_text() == sidecars.LIGHTROOM


def test_a_sidecar_that_never_rests_is_given_up(tmp_path):
    entry = shot(tmp_path, "a.CR3")
    path = tmp_path / "a.xmp"
    path.write_text(sidecars.LIGHTROOM)
    clock = Meddler(path, [sidecars.LIGHTROOM + " " * n for n in range(100)])

    report = write_sidecars(plan_sidecars(result(kept(entry)), XmpOptions()), clock=clock)

    assert [refused.reason for refused in report.refused] == ["another program keeps changing it"]
    assert set(os.listdir(tmp_path)) == {"a.CR3", "a.xmp", f"a.xmp{BACKUP_SUFFIX}"}


def test_every_photo_counts_as_progress(tmp_path):
    entries = [shot(tmp_path, f"{n}.jpg") for n in range(3)]
    steps = []

    write_sidecars(
        plan_sidecars(result(*(kept(e, id=e.path) for e in entries)), XmpOptions()),
        advance=lambda: steps.append(1),
    )

    assert len(steps) == 3
