"""What an evaluation found: a column of figures for every model, and what they are figures of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from finepick.datasets.records import Remark
from finepick.domain import ModelInfo, Skipped
from finepick.evaluation.bootstrap import Bootstrap, Difference
from finepick.evaluation.labels import Benchmark
from finepick.evaluation.measuring import Answers, Metrics

ASKED, AGAINST, FLOOR = "asked", "against", "floor"
"""Why a column is there: named by the user, to be compared with, or a measurement as the floor."""


@dataclass(frozen=True, slots=True)
class Column:
    """One model's (or file's) figures.

    name: as the user spelt it. predictions: the file they came from, None where a model judged.
    behind: by metric, how much better the first column of the evaluation is than this one; empty in the first.
    surplus: predictions that nobody asked for.
    """

    name: str
    role: str
    model: ModelInfo
    predictions: str | None
    metrics: Metrics
    by_category: Mapping[str, Metrics]
    answers: Answers = field(repr=False)
    behind: Mapping[str, Difference | None] = field(default_factory=dict)
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All columns on one data set, the first being the one that was asked about first."""

    dataset: str
    splits: tuple[str, ...]
    min_gap: float
    benchmark: Benchmark = field(repr=False)
    columns: tuple[Column, ...]
    bootstrap: Bootstrap
    remarks: tuple[Remark, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def split(self) -> str:
        return ",".join(self.splits)

    @property
    def model(self) -> ModelInfo:
        return self.columns[0].model

    @property
    def metrics(self) -> Metrics:
        """The first column's figures by name, such as `metrics["pair_acc"].value`; None where one does not apply."""
        return self.columns[0].metrics

    @property
    def by_category(self) -> Mapping[str, Metrics]:
        return self.columns[0].by_category

    @property
    def n_series(self) -> int:
        return len(self.benchmark.series)

    @property
    def n_pairs(self) -> int:
        return self.benchmark.n_pairs

    @property
    def n_photos(self) -> int:
        """Different photos that were judged."""
        return len(self.benchmark.files)

    def with_role(self, role: str) -> Iterator[Column]:
        """The columns but the first that are there as *role*."""
        return (column for column in self.columns[1:] if column.role == role)
