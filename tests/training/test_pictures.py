"""Pictures are read once as long as there is room, and are the same whether they were kept or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from finepick.scorers.base import Arrays, View
from finepick.scorers.frames import ArrayFrames
from finepick.training.pictures import Pictures


class CountedFrames(ArrayFrames):
    def __init__(self) -> None:
        super().__init__([np.full((70, 100, 3), value, np.uint8) for value in (10, 20, 30)])
        self.read: list[int] = []

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        views = list(views)
        self.read += [view.index for view in views]
        return super().views(views)


WANTED = [(2, 2, 3), (0, 2, 3), (2, 2, 3)]


def test_they_come_in_the_order_asked_for_in_whole_blocks() -> None:
    pictures = list(Pictures(CountedFrames()).take(WANTED))
    assert [picture.shape for picture in pictures] == [(64, 96, 3)] * 3
    assert [int(picture[0, 0, 0]) for picture in pictures] == [30, 10, 30]


def test_they_are_read_once() -> None:
    frames = CountedFrames()
    pictures = Pictures(frames)
    for _ in range(3):
        list(pictures.take(WANTED))
    assert frames.read == [2, 0]


def test_what_there_is_no_room_for_is_read_again_and_is_the_same() -> None:
    frames = CountedFrames()
    pictures = Pictures(frames, kept_bytes=64 * 96 * 3 + 100)
    rounds = [[int(picture[0, 0, 0]) for picture in pictures.take(WANTED)] for _ in range(3)]
    assert rounds == [[30, 10, 30]] * 3 and frames.read == [2, 0, 0, 0]
