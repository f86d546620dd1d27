"""The first two stages: photos become sources, sources become edited pictures. Originals are only read.

Pictures lie in `pictures/`, a folder a source. A picture is written before its row, so that a run that was ended in
between makes it again, and the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from finepick.batch.messages import Request
from finepick.chat.messages import jpeg_of
from finepick.edits.pictures import encoded
from finepick.errors import ImageError, PathNotFoundError
from finepick.exports.writing import could_not_write, make_folder, write_by_part
from finepick.features.extraction import extract_features
from finepick.features.packing import unpack_arrays
from finepick.images.reading import read_frame
from finepick.red.editors import Editor
from finepick.red.pictures import change_of, shown_path
from finepick.red.planning import CONTROLLED, chosen_edits, plan_edits, plan_generated
from finepick.red.records import NewEdit, Source, Why
from finepick.red.store import RedProject
from finepick.workflows.edit_pairs import split_photos
from finepick.workflows.library import Library
from finepick.workflows.red.request import RedRequest

PICTURES = "pictures"
LEAST_SIDE = 128

_AT_ONCE = 4
_LEAST_CHANGE = 1.0  # root mean square in grey levels: about what keeping it as a JPEG costs
_LEAST_LIKENESS = 0.5  # of descriptors: see the thresholds of refinement
_NO_NAME = re.compile(r"[^a-z0-9]+")


def collect_sources(project: RedProject, library: Library, paths: Sequence[str], request: RedRequest) -> int:
    """Add the photos below *paths*; how many were left out since their data set puts them into another split.

    Raises like `Library.read`; DatasetError where one photo is in two splits; OutputError.
    """
    reading = library.read(paths, leave_out=[project.folder])
    for lost in reading.skipped:
        name = "unreadable " + hashlib.sha256(os.fsencode(lost.path)).hexdigest()
        project.add_source(lost.path, name, "", None, Why.UNREADABLE, lost.reason)
    sources, left_out = split_photos(reading, paths, request.split)
    known = {source.digest for source in project.sources()}
    by_digest = {one.photo.digest: one for one in sources if one.photo.digest not in known}
    library.progress.stage("sources", len(by_digest))
    asked = (_edit_request(one.photo.path, digest, [[]], request) for digest, one in by_digest.items())
    for told, reply in library.ask_all(asked):
        source = by_digest[told.digest]
        metadata = source.photo.metadata
        if reply.error is not None:
            project.add_source(told.path, told.digest, source.split, None, Why.UNREADABLE, reply.error)
        elif min(metadata.width, metadata.height) < LEAST_SIDE:
            detail = f"{metadata.width} × {metadata.height} pixels"
            project.add_source(told.path, told.digest, source.split, None, Why.TOO_SMALL, detail)
        else:
            picture = f"{PICTURES}/{told.digest[:16]}/source.jpg"
            made = unpack_arrays(reply.blobs[0])
            _write(project, picture, made["file 0"].tobytes(), made["shown 0"].tobytes())
            project.add_source(told.path, told.digest, source.split, picture)
        library.progress.step()
    return left_out


def plan_all(project: RedProject, request: RedRequest) -> None:
    """Plan the edits of all sources, as *request* has them; what was planned before stays."""
    edits = chosen_edits(request.words)
    planned: list[NewEdit] = []
    for source in project.sources():
        if source.picture is None:
            continue
        planned += plan_edits(
            source.id, source.digest, edits, count=request.edits, steps=request.steps, seed=request.seed
        )
        for editor in request.editors:
            planned += plan_generated(
                source.id, source.digest, editor, count=request.edits, steps=request.steps, seed=request.seed
            )
    project.plan_edits(planned)


def make_edits(project: RedProject, library: Library, request: RedRequest, editors: Sequence[Editor]) -> None:
    """Make what is planned. Raises PathNotFoundError where no source is there any more, OutputError."""
    sources = {source.id: source for source in project.sources()}
    planned = project.planned()
    library.progress.stage("edits", len(planned))
    controlled = {id: edit for id, edit in planned.items() if edit.editor == CONTROLLED}
    _make_controlled(project, library, request, sources, controlled)
    by_name = {editor.name: editor for editor in editors}
    for id, edit in planned.items():
        if edit.editor in by_name:
            _make_generated(project, request, sources[edit.source], id, edit, by_name[edit.editor])
            library.progress.step()


def _make_controlled(
    project: RedProject,
    library: Library,
    request: RedRequest,
    sources: dict[int, Source],
    planned: dict[int, NewEdit],
) -> None:
    gone = {source.id for source in sources.values() if source.picture and not os.path.isfile(source.path)}
    if gone and gone >= {edit.source for edit in planned.values()}:
        path = sources[min(gone)].path
        raise PathNotFoundError(
            f"the sources are not there any more; bring '{path}' and the others back", path=path
        )
    asked = {
        _edit_request(
            sources[planned[ids[0]].source].path,
            sources[planned[ids[0]].source].digest,
            [planned[id].recipe for id in ids],
            request,
        ): ids
        for ids in _portions(planned)
    }
    for told, reply in library.ask_all(asked):
        ids = asked[told]
        made = None if reply.error is not None else unpack_arrays(reply.blobs[0])
        for number, id in enumerate(ids):
            edit = planned[id]
            if made is None:
                project.keep_edit(id, "", None, Why.FAILED, reply.error or "")
            else:
                words = made[f"words {number}"].tobytes().decode()
                content = made[f"file {number}"].tobytes(), made[f"shown {number}"].tobytes()
                change = float(made[f"change {number}"].view(np.float64)[0])
                _keep_picture(project, sources[edit.source], id, edit, words, content, change)
            library.progress.step()


def _make_generated(
    project: RedProject, request: RedRequest, source: Source, id: int, edit: NewEdit, editor: Editor
) -> None:
    assert source.picture is not None
    before = read_frame(os.path.join(project.folder, source.picture), long_side=request.long_side)
    step = edit.recipe[0]
    words = f"{editor.name}: {edit.name}"
    try:
        after = editor.edit(before, edit.name, strength=edit.strength, seed=int(step["seed"]))
    except ImageError as error:
        project.keep_edit(id, words, None, Why.FAILED, error.reason)
        return
    likeness = float(extract_features(before).descriptor @ extract_features(after).descriptor)
    if likeness < _LEAST_LIKENESS:
        project.keep_edit(id, words, None, Why.OTHER_SCENE, f"likeness {likeness:.2f}")
        return
    content = encoded(after, request.quality), jpeg_of(after)
    _keep_picture(project, source, id, edit, words, content, change_of(before, after))


def _keep_picture(
    project: RedProject,
    source: Source,
    id: int,
    edit: NewEdit,
    words: str,
    content: tuple[bytes, bytes],
    change: float,
) -> None:
    folder = os.path.dirname(source.picture or "")
    picture = f"{folder}/{id}-{_NO_NAME.sub('-', edit.name.lower())[:40].strip('-')}-{edit.strength:g}.jpg"
    _write(project, picture, *content)
    if change < _LEAST_CHANGE:
        project.keep_edit(id, words, picture, Why.UNCHANGED, f"{change:.2f} grey levels")
    else:
        project.keep_edit(id, words, picture)


def _portions(planned: dict[int, NewEdit]) -> Iterator[list[int]]:
    """Ids, a few of one source at a time; a chain stays together, since it is made ready once."""
    for _, own in groupby(planned, key=lambda id: planned[id].source):
        ids = list(own)
        for start in range(0, len(ids), _AT_ONCE):
            yield ids[start : start + _AT_ONCE]


def _edit_request(path: str, digest: str, recipes: Sequence[object], request: RedRequest) -> Request:
    return Request(
        "view",
        path,
        request.long_side,
        digest,
        function="finepick.red.pictures:judged_files",
        arguments={"recipes": recipes, "quality": request.quality},
    )


def _write(project: RedProject, name: str, content: bytes, shown: bytes) -> None:
    path = os.path.join(project.folder, name)
    make_folder(os.path.dirname(path))
    try:
        write_by_part(shown_path(path), shown)
        write_by_part(path, content)
    except OSError as error:
        raise could_not_write(path, error) from error
