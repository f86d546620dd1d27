"""Small silhouettes that scenes share: people, gulls, a rowing boat."""

from __future__ import annotations

import numpy as np

from shoot.drawing import Pen, Point, curve, place


def draw_person(pen: Pen, feet: Point, height: float, *, stride: float = 0.0, flip: bool = False) -> None:
    """A standing or walking person; *stride* −1…1 swings legs and arms."""

    def put(points: list[Point]) -> list[Point]:
        return place(points, at=feet, size=height, flip=flip)

    size = abs(height)
    hip, shoulder = (0.0, -0.5), (0.015, -0.8)
    for side in (-1.0, 1.0):
        swing = 0.17 * side * stride
        knee = (swing * 0.75 + 0.03 * abs(stride), -0.26)
        foot = (swing * 1.25 - 0.05 * max(0.0, -side * stride), -0.015 - 0.05 * max(0.0, -side * stride))
        spread = 0.035 * side * (1 - abs(stride))
        pen.stroke(
            put(
                curve(
                    [
                        (hip[0] + spread * 0.6, hip[1]),
                        (knee[0] + spread, knee[1]),
                        (foot[0] + spread, foot[1]),
                    ]
                )
            ),
            0.085 * size,
            taper=0.55,
        )
        pen.stroke(
            put([(foot[0] + spread - 0.02, foot[1] + 0.005), (foot[0] + spread + 0.075, foot[1] + 0.008)]),
            0.032 * size,
        )
        elbow = (-swing * 0.8 + 0.02 + 0.075 * side * (1 - abs(stride)), -0.62)
        hand = (-swing * 1.3 + 0.05 * abs(stride) + 0.085 * side * (1 - abs(stride)), -0.47)
        pen.stroke(put(curve([shoulder, elbow, hand])), 0.055 * size, taper=0.6)
    torso = [
        (-0.075, -0.82),
        (0.0, -0.855),
        (0.085, -0.82),
        (0.085, -0.65),
        (0.07, -0.5),
        (0.075, -0.42),
        (-0.075, -0.42),
        (-0.065, -0.52),
        (-0.085, -0.68),
    ]
    pen.polygon(put(curve(torso, closed=True)))
    pen.stroke(put([(0.01, -0.84), (0.02, -0.9)]), 0.055 * size)
    head = put([(0.025, -0.935)])[0]
    pen.disc(head, 0.052 * size, squash=1.22)


def draw_gull(pen: Pen, at: Point, span: float, *, flap: float, degrees: float = 0.0) -> None:
    """A gull from behind; *flap* −1 (wings down) … 1 (wings up)."""
    up = 0.20 * flap + 0.05
    for side in (-1.0, 1.0):
        wing = [
            (0.0, 0.0),
            (0.16 * side, -0.10 - up * 0.6),
            (0.30 * side, -0.09 - up * 0.5),
            (0.5 * side, 0.04 - up),
        ]
        pen.stroke(place(curve(wing), at=at, size=span, degrees=degrees), 0.062 * span, taper=0.12)
    body = [(-0.045, 0.0), (0.0, -0.03), (0.05, 0.0), (0.0, 0.055)]
    pen.polygon(place(curve(body, closed=True), at=at, size=span, degrees=degrees))


def draw_rowing_boat(
    pen: Pen, waterline: Point, length: float, *, flip: bool = False, mirrored: bool = False
) -> None:
    """A moored rowing boat from the side; *mirrored* draws its image below the waterline."""
    sign = -1.0 if mirrored else 1.0

    def put(points: list[Point]) -> list[Point]:
        return place([(x, sign * y) for x, y in points], at=waterline, size=length, flip=flip)

    hull = [
        (-0.5, -0.125),
        (-0.46, -0.03),
        (-0.38, 0.012),
        (0.3, 0.012),
        (0.44, -0.045),
        (0.54, -0.175),
        (0.4, -0.125),
        (0.15, -0.098),
        (-0.2, -0.095),
    ]
    pen.polygon(put(curve(hull[:6]) + curve(hull[5:] + hull[:1])))
    pen.stroke(put([(-0.16, -0.1), (-0.3, -0.17), (-0.47, -0.245)]), 0.014 * length)
    pen.stroke(put([(0.52, -0.165), (0.57, -0.2)]), 0.012 * length)


def flap_at(phase: float) -> float:
    """Where wings stand at *phase* of a beat: quick down, slower up."""
    return float(np.sin(2 * np.pi * phase + 0.5 * np.sin(2 * np.pi * phase)))
