"""The picture of a calibration: well-formed, as many marks as there are things, for any project."""

from __future__ import annotations

import pytest
from lxml import etree

from finepick.exports.calibration_plot import PlottedPair, PlottedPerson, draw_calibration

SVG = "{http://www.w3.org/2000/svg}"


def drawn(pairs: list[PlottedPair], people: list[PlottedPerson]) -> etree._Element:
    return etree.fromstring(draw_calibration(pairs, people).encode())


def circles(panel: etree._Element) -> list[etree._Element]:
    return list(panel.iter(f"{SVG}circle"))


def test_bars_are_as_tall_as_their_pairs_are_many() -> None:
    pairs = (
        [PlottedPair(0.97, 3, 3, True)] * 3
        + [PlottedPair(0.04, 0, 3, True)]
        + [PlottedPair(0.52, 1, 2, False)] * 2
    )
    certain, _, _ = drawn(pairs, []).findall(f"{SVG}g")
    heights = [float(bar.get("height")) for bar in certain.iter(f"{SVG}rect")]
    labelled, dropped = heights[0::2], heights[1::2]
    assert labelled[-1] == 200 and sum(labelled) == 200  # .97 and .04 are as sure as each other
    assert dropped[0] == 100 and sum(dropped) == 100


def test_answers_that_are_as_the_fit_says_lie_on_the_diagonal() -> None:
    pairs = [PlottedPair(0.85, 17, 20, True), PlottedPair(0.25, 5, 20, True), PlottedPair(0.5, 0, 0, False)]
    _, reliability, _ = drawn(pairs, []).findall(f"{SVG}g")
    dots = circles(reliability)
    assert len(dots) == 2
    for dot in dots:
        assert float(dot.get("cx")) / 280 == pytest.approx(1 - float(dot.get("cy")) / 200, abs=1e-3)


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (24, 24), (300, 24)])
def test_everybody_is_shown_or_it_is_said_how_many_are_not(count: int, shown: int) -> None:
    people = [PlottedPerson(0.01 * i, 0.01 * i - 0.2, 0.01 * i + 0.2, i == 0) for i in range(count)]
    _, _, panel = drawn([], people).findall(f"{SVG}g")
    assert len(circles(panel)) == shown
    assert (f"{count - shown} people between are not shown" in "".join(panel.itertext())) == (count > shown)


def test_an_empty_project_has_a_picture() -> None:
    assert len(drawn([], []).findall(f"{SVG}g")) == 3
