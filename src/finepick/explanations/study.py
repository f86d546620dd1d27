"""All there is to know of one judged series: judgement, reasons, difference maps; and the same as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finepick.differences.maps import difference_maps
from finepick.differences.registration import Alignment, register_series
from finepick.domain import Attribute, FloatArray, Reason
from finepick.explanations.reasons import explain_series
from finepick.features.extraction import PhotoFeatures
from finepick.features.packing import pack_arrays, unpack_arrays
from finepick.scorers.base import FrameSource, Judgement, Scorer, Thoughts
from finepick.scorers.utilities import share_duplicates


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of a series of n photos, in the order of the photos it was made for.

    reasons: per photo, strongest first; `versus` is the other photo's digest, since names must not matter.
    maps: n difference maps (rows, columns), 255 where [0, 1] has 1.
    """

    judgement: Judgement
    reasons: tuple[tuple[Reason, ...], ...]
    maps: tuple[NDArray[np.uint8], ...]

    def rearranged(self, order: Sequence[int]) -> Study:
        """The study for the same photos in another order: photo i of it is photo order[i] of this one."""
        place = np.asarray(order, np.intp)
        judgement = self.judgement
        return Study(
            judgement=replace(
                judgement,
                fine=judgement.fine[place],
                coarse=None if judgement.coarse is None else judgement.coarse[place],
                preference=judgement.preference[np.ix_(place, place)],
                embeddings=None if judgement.embeddings is None else judgement.embeddings[place],
                thoughts=_rearranged(judgement.thoughts, order),
            ),
            reasons=tuple(self.reasons[i] for i in place),
            maps=tuple(self.maps[i] for i in place),
        )


def study_frames(frames: FrameSource, scorer: Scorer) -> Study:
    """The study of *frames* by *scorer*. Raises ImageError where a frame cannot be had."""
    return study_judged(frames, scorer.judge(frames))


def study_judged(frames: FrameSource, judgement: Judgement) -> Study:
    """The study of *frames* that were judged. Raises ImageError where their features cannot be had."""
    features = [frames.features(i) for i in range(len(frames))]
    digests = [frames.digest(i) for i in range(len(frames))]
    alignment, found = find_differences(features, judgement)
    maps = share_duplicates(found, digests)
    best_first = np.argsort(-judgement.fine, kind="stable").tolist()
    return Study(
        judgement=replace(judgement, alignment=None, places=None, difference=None, phrases=None),
        reasons=explain_series(features, alignment, maps, judgement).per_photo(best_first, digests),
        maps=tuple(np.rint(one * 255).astype(np.uint8) for one in maps),
    )


def find_differences(
    features: Sequence[PhotoFeatures], judgement: Judgement
) -> tuple[Alignment, tuple[FloatArray, ...]]:
    """How frames lie over one another and where they differ: as the scorer found it, else found here."""
    alignment = judgement.alignment or register_series(features)
    return alignment, judgement.difference or difference_maps(features, alignment)


def pack_study(study: Study) -> bytes:
    """*study* as bytes, for `unpack_study`."""
    judgement = study.judgement
    rows = [
        [[str(one.attribute), one.direction, one.strength, one.versus, one.text] for one in row]
        for row in study.reasons
    ]
    arrays: dict[str, NDArray[Any]] = {
        "fine": judgement.fine.astype(np.float64),
        "preference": judgement.preference.astype(np.float64),
        "too_close": np.array([judgement.too_close], np.uint8),
        "reasons": np.frombuffer(json.dumps(rows).encode(), np.uint8),
    }
    if judgement.thoughts is not None:
        arrays["thoughts"] = np.frombuffer(json.dumps(judgement.thoughts).encode(), np.uint8)
    if judgement.coarse is not None:
        arrays["coarse"] = judgement.coarse.astype(np.float64)
    if judgement.embeddings is not None:
        arrays["embeddings"] = np.asarray(judgement.embeddings, np.float32)
    for i, one in enumerate(study.maps):
        arrays[f"map{i}"] = one
    return pack_arrays(arrays)


def unpack_study(blob: bytes) -> Study | None:
    """The study in *blob*, or None where it holds something else."""
    try:
        arrays = unpack_arrays(blob)
        judgement = Judgement(
            fine=arrays["fine"],
            coarse=arrays.get("coarse"),
            preference=arrays["preference"],
            too_close=bool(arrays["too_close"][0]),
            embeddings=arrays.get("embeddings"),
            thoughts=_unpacked_thoughts(arrays),
        )
        rows = json.loads(arrays["reasons"].tobytes())
        reasons = tuple(tuple(Reason(Attribute(name), *others) for name, *others in row) for row in rows)
        maps = tuple(arrays[f"map{i}"] for i in range(len(judgement.fine)))
    except (ValueError, KeyError, TypeError):
        return None
    return Study(judgement, reasons, maps)


def _rearranged(thoughts: Thoughts | None, order: Sequence[int]) -> Thoughts | None:
    if thoughts is None:
        return None
    rows = (thoughts[i] for i in order)
    return tuple(row if len(row) < len(order) else tuple(row[j] for j in order) for row in rows)


def _unpacked_thoughts(arrays: Mapping[str, NDArray[Any]]) -> Thoughts | None:
    packed = arrays.get("thoughts")
    if packed is None:
        return None
    return tuple(tuple(map(str, row)) for row in json.loads(packed.tobytes()))
