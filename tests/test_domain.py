"""Values keep their promises."""

from datetime import datetime

import pytest

from finepick.domain import Metadata


def test_metadata_survives_json() -> None:
    metadata = Metadata(
        "JPEG",
        4000,
        3000,
        taken_at=datetime(2026, 6, 1, 20, 15, 3, 250_000),
        iso=100.0,
        notes=("animated",),
        prompt="a \udcff b",
    )

    assert metadata.to_json().isascii()
    assert Metadata.from_json(metadata.to_json()) == metadata


def test_metadata_of_another_version_is_not_believed() -> None:
    assert Metadata.from_json('{"format": "PNG", "width": 3, "height": 2, "aura": "blue"}') is None


def test_exposure_value_is_that_of_the_sunny_sixteen_rule() -> None:
    sunny = Metadata("JPEG", 1, 1, exposure_seconds=1 / 100, f_number=16.0, iso=100.0)

    assert sunny.exposure_value == pytest.approx(
        14.64, abs=0.01
    )  # "EV 15" of exposure tables, give or take a rounding
    assert Metadata("JPEG", 1, 1, f_number=16.0, iso=100.0).exposure_value is None
