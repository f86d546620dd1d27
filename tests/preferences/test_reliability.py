"""People who click at random or prefer a side are found; others are not condemned; the order survives them."""

from __future__ import annotations

import numpy as np
import pytest

from finepick.preferences.agreement import Share
from finepick.preferences.answers import Answers, joined
from finepick.preferences.next_pair import pairs_of
from finepick.preferences.reliability import JointFit, Model, Rules, Verdict, fit_together
from finepick.preferences.simulated import Crowd, random_questions, scores_of

SERIES, PHOTOS = 20, 10
SIZES = [PHOTOS] * SERIES


def project(seed: int, crowd: Crowd, *, per_series: int = 120) -> tuple[Answers, np.ndarray]:
    """Answers of a crowd about simulated series, and the true scores."""
    rng = np.random.default_rng(seed)
    truth, first = scores_of(rng, SIZES)
    return crowd.answer(rng, truth, first, random_questions(rng, SIZES, len(crowd), per_series)), truth


def mean_tau(found: JointFit, truth: np.ndarray) -> float:
    a, b = pairs_of(PHOTOS)
    one, other = (values.reshape(SERIES, PHOTOS) for values in (found.posterior.mean, truth))
    return float(np.mean(np.sign(one[:, a] - one[:, b]) * np.sign(other[:, a] - other[:, b])))


def verdicts(found: JointFit) -> list[Verdict]:
    return [found.people.verdict(k) for k in range(len(found.people))]


@pytest.mark.parametrize("tie", [0.0, 0.7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_third_of_bad_annotators_costs_no_more_than_a_twentieth_and_all_are_named(
    seed: int, tie: float
) -> None:
    crowd = Crowd.of(14, clickers=4, left=2, tie=tie)
    answers, truth = project(seed, crowd)

    without = fit_together(answers.where(answers.annotator < 14), SIZES, annotators=20)
    found = fit_together(answers, SIZES, annotators=20)

    assert found.converged
    assert mean_tau(found, truth) >= 0.95 * mean_tau(without, truth)
    assert mean_tau(found, truth) > mean_tau(fit_together(answers, SIZES, estimate_people=False), truth)
    named = verdicts(found)
    assert set(named[14:18]) == {Verdict.CHANCE}
    assert set(named[18:]) == {Verdict.LEFT}
    assert not {Verdict.CHANCE, Verdict.LEFT, Verdict.RIGHT, Verdict.REVERSED} & set(named[:14])


def test_somebody_who_takes_a_side_blindly_most_of_the_time_is_named() -> None:
    crowd = Crowd.of(14)
    crowd.lapse[12:], crowd.lapse_left[12], crowd.lapse_left[13] = 0.8, 1.0, 0.0
    answers, _ = project(4, crowd)

    named = verdicts(fit_together(answers, SIZES))

    assert named[12:] == [Verdict.LEFT, Verdict.RIGHT]
    assert set(named[:12]) == {Verdict.LIKE_OTHERS}


def test_swapped_keys_are_recognised_and_their_answers_used_the_right_way_round() -> None:
    answers, truth = project(5, Crowd.of(10))
    wrong = answers.annotator == 3
    turned = Answers.of(
        answers.a,
        answers.b,
        np.where(wrong, -answers.outcome, answers.outcome),
        series=answers.series,
        annotator=answers.annotator,
        side=answers.side,
    )

    found = fit_together(turned, SIZES)

    assert found.people.verdict(3) is Verdict.REVERSED
    assert found.people.sensitivity_high[3] < 0
    assert mean_tau(found, truth) == pytest.approx(mean_tau(fit_together(answers, SIZES), truth), abs=0.02)


def test_what_was_true_of_people_is_found_within_the_intervals() -> None:
    crowd = Crowd.of(20)
    rng = np.random.default_rng(6)
    crowd.sensitivity[:], crowd.left_bias[:] = rng.normal(1, 0.25, 20), rng.normal(0, 0.25, 20)
    answers, _ = project(6, crowd, per_series=400)

    people = fit_together(answers, SIZES).people

    unit = crowd.sensitivity.mean()
    sensitive = (people.sensitivity_low <= crowd.sensitivity / unit) & (
        crowd.sensitivity / unit <= people.sensitivity_high
    )
    biased = (people.bias_low <= crowd.left_bias) & (crowd.left_bias <= people.bias_high)
    assert Share(int(sensitive.sum() + biased.sum()), 40).interval(0.99)[1] > 0.95


def test_the_spread_of_scores_and_the_readiness_to_tie_are_found() -> None:
    answers, truth = project(7, Crowd.of(10, tie=0.5), per_series=400)

    found = fit_together(answers, SIZES)

    assert found.model.spread == pytest.approx(
        float(truth.reshape(SERIES, -1).std(axis=1, ddof=1).mean()), rel=0.1
    )
    assert found.model.tie == pytest.approx(0.5, rel=0.25)
    assert np.median(found.people.tie) == pytest.approx(0.5, rel=0.1)


def test_three_answers_condemn_nobody() -> None:
    answers, _ = project(8, Crowd.of(10))
    newcomer = Answers.of([9, 9, 9], [0, 1, 2], [1, 1, 1], annotator=10, side=1)

    found = fit_together(joined([answers, newcomer]), SIZES)

    assert found.people.verdict(10) in (Verdict.UNKNOWN, Verdict.LIKE_OTHERS)
    assert found.people.sensitivity[10] > 0.6


def test_renamed_people_and_mirrored_screens_give_the_same_report_mirrored() -> None:
    answers, _ = project(9, Crowd.of(7, clickers=2, left=1), per_series=60)
    new = np.random.default_rng(0).permutation(10)
    other = Answers.of(
        answers.b,
        answers.a,
        -answers.outcome,
        series=answers.series,
        annotator=new[answers.annotator],
        side=answers.side,
    )  # side 1 now says that what was the right photo stood on the left

    one, two = fit_together(answers, SIZES), fit_together(other, SIZES)

    assert two.posterior.mean == pytest.approx(one.posterior.mean, abs=1e-3)
    assert two.people.sensitivity[new] == pytest.approx(one.people.sensitivity, abs=1e-3)
    assert two.people.left_bias[new] == pytest.approx(-one.people.left_bias, abs=1e-3)


def test_answers_of_weight_nothing_say_nothing() -> None:
    answers, _ = project(10, Crowd.of(5), per_series=30)
    back = Answers.of(0, 1, [1] * 50, annotator=5, side=1, weight=0)

    found, without = fit_together(joined([answers, back]), SIZES, annotators=6), fit_together(answers, SIZES)

    assert found.posterior.mean == pytest.approx(without.posterior.mean, abs=1e-2)
    assert found.people.answers[5] == 0
    assert found.people.verdict(5) is Verdict.UNKNOWN


def test_nothing_at_all_is_fitted_without_complaint() -> None:
    found = fit_together(Answers.none(), [0, 1, 3], annotators=2)

    assert found.converged
    assert found.posterior.mean.tolist() == [0.0] * 4
    assert verdicts(found) == [Verdict.UNKNOWN] * 2
    assert fit_together(Answers.none(), []).posterior.mean.tolist() == []


def test_rules_can_be_set() -> None:
    answers, _ = project(0, Crowd.of(14, clickers=4, left=2))
    people = fit_together(answers, SIZES).people

    assert people.verdict(15, Rules(evidence=1e300)) is Verdict.UNKNOWN
    assert people.verdict(19, Rules(least_bias=50)) is Verdict.LIKE_OTHERS


def test_people_the_model_has_not_met_are_typical() -> None:
    model = Model(np.array([[0.2, 1.0, -1.0]]), -0.5, 1.5, True)

    assert model.ways_of(np.array([0, 4])).tolist() == [[0.2, 1.0, -1.0], [1.0, 0.0, -0.5]]
    with pytest.raises(ValueError, match="answers of annotator 3, but 2 annotators"):
        fit_together(Answers.of(0, 1, 1, annotator=3), [2], annotators=2)
