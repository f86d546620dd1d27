"""From answers to a label, or to why there is none: both orders, all judges, agreement, a dead zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finepick.errors import UsageError
from finepick.red.records import STRONGEST, JudgeAnswer, Label, Why


@dataclass(frozen=True, slots=True)
class Rules:
    """When an edit is kept.

    dead_zone: the least |difference|. least_agreement: the least share of answers on the label's side.
    """

    dead_zone: float = 0.1
    least_agreement: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.dead_zone < 1:
            raise UsageError(f"the dead zone is a difference from 0 to below 1, not {self.dead_zone:g}")
        if not 0.5 < self.least_agreement <= 1:
            raise UsageError(f"the least agreement is a share above ½, up to 1, not {self.least_agreement:g}")


def decide(answers: Sequence[JudgeAnswer], rules: Rules) -> Label | Why:
    """The label that *answers* about one edit amount to, or why they amount to none.

    Kept is what every judge says in every order that it was asked in (of several answers to one question, by the
    sum of their signed strengths), if enough of all answers agree and the difference is outside the dead zone.
    People, who see a pair once each, are one judge together.
    Turning every pair and every answer round turns the sign of the difference and changes nothing else.
    """
    signed = [answer.verdict.for_edit(answer.asked.order) for answer in answers if answer.verdict is not None]
    if len(signed) < len(answers) or not signed:
        by_people = any(answer.verdict is None and answer.is_of_person for answer in answers)
        return Why.INCOMPARABLE if by_people else Why.UNANSWERED
    disagreement = _disagreement(answers)
    if disagreement is not None:
        return disagreement
    difference = sum(signed) / len(signed) / STRONGEST
    agreement = sum(one * difference > 0 for one in signed) / len(signed)
    if difference == 0 or abs(difference) < rules.dead_zone:
        return Why.SIMILAR
    if agreement < rules.least_agreement:
        return Why.UNSURE if any(one * difference < 0 for one in signed) else Why.SIMILAR
    return Label(difference, agreement, len(signed))


def can_still_be_kept(answers: Sequence[JudgeAnswer], planned: int, rules: Rules) -> bool:
    """Whether some outcome of the questions that are still open, of *planned* in all, would keep the edit."""
    if any(answer.verdict is None for answer in answers):
        return False
    signed = [answer.verdict.for_edit(answer.asked.order) for answer in answers if answer.verdict is not None]
    open_ = planned - len(signed)
    better, worse = sum(one > 0 for one in signed), sum(one < 0 for one in signed)
    return max(better, worse) + open_ >= rules.least_agreement * planned


def standing(answers: Sequence[JudgeAnswer], planned: int, rules: Rules) -> Label | Why | None:
    """What is known of an edit after *answers* to some of *planned* questions; None while it is still open."""
    if answers and not can_still_be_kept(answers, planned, rules):
        found = decide(answers, rules)
        return found if isinstance(found, Why) else Why.UNSURE
    return decide(answers, rules) if len(answers) >= planned > 0 else None


def _disagreement(answers: Iterable[JudgeAnswer]) -> Why | None:
    """Whether a judge contradicts itself in the other order, or another judge; an undecided one contradicts nobody."""
    sides: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for answer in answers:
        assert answer.verdict is not None
        judge, order = ("people", "any") if answer.is_of_person else (answer.judge, answer.asked.order)
        sides[judge][order] += answer.verdict.for_edit(answer.asked.order)
    by_judge = [[_sign(total) for total in orders.values()] for orders in sides.values()]
    if any({1, -1} <= set(signs) for signs in by_judge):
        return Why.TURNED_ROUND
    said = {sign for signs in by_judge for sign in signs}
    return Why.DISPUTED if {1, -1} <= said else None


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
