"""The reader process: asked over standard input, it decodes one photo after the other and answers.

It is started as `python -m finepick.batch.reader`, not through `multiprocessing`, so that a plain script may call
`finepick.pick` without a `__main__` guard, and so that a crash or a hang in a decoder costs one photo only.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import BinaryIO

from finepick.batch.messages import Reply, Request, read_message, write_message
from finepick.errors import FinepickError, ImageError
from finepick.features.extraction import extract_with_thumbnail
from finepick.features.packing import pack_arrays, pack_features, unpack_arrays, unpack_features
from finepick.images.reading import ReadPhoto, read_photo
from finepick.scorers.base import View, glance_at, view_frame
from finepick.scorers.catalog import load_scorer
from finepick.scorers.frames import FeatureFrames


def main() -> None:
    """Answer until the asking side closes standard input."""
    questions, answers = _private_streams()
    _limit_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    gc.freeze()  # what was imported stays; going through it again and again costs a millisecond a photo
    gc.set_threshold(50_000)
    write_message(answers, {"ready": os.getpid()})
    while True:
        try:
            head, blobs = read_message(questions)
        except EOFError:
            return
        reply = answer(Request(**head, blobs=blobs))
        write_message(answers, {"error": reply.error, "facts": reply.facts}, reply.blobs)


def answer(request: Request) -> Reply:
    """What there is to say to *request*; one photo's trouble is part of the answer, never an exception."""
    try:
        return _study(request) if request.verb == "study" else _look(request)
    except FinepickError as error:
        return Reply(getattr(error, "reason", error.message), {})
    except MemoryError:
        return Reply("needs more memory than one photo may take", {})


def _look(request: Request) -> Reply:
    photo = read_photo(request.path, long_side=request.long_side)
    if request.digest and photo.digest != request.digest:
        raise ImageError("changed on disk while it was being looked at", path=request.path)
    if request.verb == "view":
        view = View(0, request.long_side, request.function, request.arguments)
        return Reply(None, {}, (pack_arrays(view_frame(photo.frame, view)),))
    glance: tuple[bytes, ...] = ()
    if request.function:
        glance = (pack_arrays(glance_at(photo.picture, request.function, request.arguments)),)
    if request.verb == "glance":
        return Reply(None, {}, glance)
    looked = _LOOKS[request.verb](photo)
    return Reply(None, looked.facts, looked.blobs + glance)


def _examine(photo: ReadPhoto) -> Reply:
    features, thumbnail = extract_with_thumbnail(photo.picture)
    facts = {"digest": photo.digest, "metadata": photo.metadata.to_json()}
    return Reply(None, facts, (pack_features(features), thumbnail))


def _examine_for_report(photo: ReadPhoto) -> Reply:
    examined = _examine(photo)
    return Reply(None, examined.facts, examined.blobs + _preview(photo).blobs)


def _frame(photo: ReadPhoto) -> Reply:
    frame = photo.frame
    return Reply(None, {"shape": list(frame.shape)}, (frame.tobytes(),))


def _preview(photo: ReadPhoto) -> Reply:
    buffer = io.BytesIO()
    photo.picture.save(buffer, "JPEG", quality=80)
    return Reply(None, {}, (buffer.getvalue(),))


_LOOKS = {
    "examine": _examine,
    "examine for report": _examine_for_report,
    "frame": _frame,
    "preview": _preview,
}


def _study(request: Request) -> Reply:
    from finepick.explanations.study import pack_study, study_frames

    count = len(request.digests)
    features = [unpack_features(blob) for blob in request.blobs[:count]]
    glances = [unpack_arrays(blob) for blob in request.blobs[count:]]
    study = study_frames(FeatureFrames(features, request.digests, glances), load_scorer(request.path))
    return Reply(None, {}, (pack_study(study),))


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, taken away from libraries that print: what they write to descriptor 1 goes to 2."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return questions, answers


def _limit_memory(count: int) -> None:
    """Let this process have at most *count* bytes of address space, where the system knows how."""
    if not count:
        return
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main()
