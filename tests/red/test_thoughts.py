"""Words about pairs: what is known of an edit, what was measured, what gives the label away or contradicts it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finepick.domain import Attribute
from finepick.edits import EDITS, Effect
from finepick.explanations.reasons import Finding
from finepick.red.records import Dimension, Thought, Why
from finepick.red.thoughts import Faulty, fault_of_thought, thought_by_template
from finepick.red.words import topics_of, words_of_edit
from finepick.training.wording import clauses_of, goodness_of

NOISY = Finding(Attribute.NOISE, False, 0.6, "noisier: about twice the noise")
CLEAN = Finding(Attribute.NOISE, True, 0.6, "cleaner: about half the noise")
RICH = Finding(Attribute.COLOUR, True, 0.3, "richer colours")
PALE = Finding(Attribute.COLOUR, False, 0.3, "paler colours")
FLAT = Finding(Attribute.CONTRAST, False, 0.3, "flatter, with less contrast")
FULL = Finding(Attribute.CONTRAST, True, 0.3, "more contrast")


def good(**changes: object) -> Thought:
    thought = Thought(
        "Focus: softer; noisier than the other.",
        "Focus: sharper; cleaner than the other.",
        "Softer, with more noise.",
        "model",
        (Dimension.FOCUS,),
    )
    return replace(thought, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_every_edit_has_words_that_turn_round_and_fit_its_family(edit: object) -> None:
    words = words_of_edit(edit.name, 0.5)  # type: ignore[attr-defined]

    assert words is not None and words.dimension in topics_of(edit.family, edit.name)  # type: ignore[attr-defined]
    of_edit, of_source = (
        [goodness_of(clause) for clause in clauses_of(text)] for text in (words.of_edit, words.of_source)
    )
    assert sum(of_edit) * sum(of_source) <= 0, (words, of_edit, of_source)
    if edit.effect is Effect.WORSE:  # type: ignore[attr-defined]
        assert sum(of_edit) <= 0 <= sum(of_source), words
    if edit.effect is Effect.BETTER:  # type: ignore[attr-defined]
        assert sum(of_edit) >= 0 >= sum(of_source), words


def test_the_template_says_what_is_known_then_what_speaks_for_the_label_then_less_of_the_rest() -> None:
    thought = thought_by_template(
        "shot_noise", 0.9, [NOISY, FLAT, RICH], [CLEAN, FULL, PALE], edit_is_better=False
    )

    assert isinstance(thought, Thought)
    assert thought.of_edit == (
        "Focus: far more grain; noisier: about twice the noise. Light: flatter, with less contrast. "
        "Colour: richer colours."
    )
    assert thought.of_source == (
        "Focus: far less grain; cleaner: about half the noise. Light: more contrast. Colour: paler colours."
    )
    assert thought.text == "Far more grain, less contrast."
    assert thought.kind == "template" and thought.dimensions == (Dimension.FOCUS, Dimension.LIGHT)
    assert fault_of_thought(thought, "noise", "shot_noise", edit_is_better=False) is None


def test_what_is_known_is_not_said_twice() -> None:
    thought = thought_by_template("low_contrast", 0.9, [FLAT], [FULL], edit_is_better=False)

    assert isinstance(thought, Thought) and thought.of_edit == "Light: far flatter, with less contrast."


def test_of_an_unknown_edit_only_what_was_measured_is_said_and_nothing_where_nothing_was() -> None:
    thought = thought_by_template("make it flat", 0.9, [FLAT], [FULL], edit_is_better=False)
    nothing = thought_by_template("make it flat", 0.9, [RICH], [PALE], edit_is_better=False)

    assert isinstance(thought, Thought) and thought.text == "Less contrast."
    assert isinstance(nothing, Faulty) and nothing.why is Why.NO_WORDS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"of_edit": "  "}, Why.NO_WORDS),
        ({"of_edit": "softer " * 200}, Why.NO_WORDS),
        ({"of_edit": "Softer, so people preferred the other."}, Why.LEAK),
        ({"of_edit": "Softer: the label says so."}, Why.LEAK),
        ({"of_edit": "Softer than the original."}, Why.LEAK),
        ({"of_edit": "Softer, as if a blur filter was used."}, Why.LEAK),
        ({"of_edit": "Softer, a difference of −0.67."}, Why.LEAK),
        ({"of_edit": "Softer than IMG_2034.jpg."}, Why.LEAK),
        ({"of_source": "Sharper than the edited one."}, Why.LEAK),
        ({"text": "Softer than photo B."}, Why.LEAK),
        ({"of_edit": "Softer <script>alert(1)</script>."}, Why.LEAK),
        ({"of_edit": "Sharper, with less noise."}, Why.CONTRADICTION),
        ({"of_source": "Softer, with more noise."}, Why.CONTRADICTION),
        ({"text": "Sharper."}, Why.CONTRADICTION),
        ({"of_edit": "Richer colours, but softer and noisier."}, Why.CONTRADICTION),
        ({"dimensions": (Dimension.STORY,)}, Why.OFF_TOPIC),
        ({"dimensions": ()}, Why.OFF_TOPIC),
    ],
)
def test_words_that_cannot_be_learned_from_are_found(changes: dict[str, object], why: Why) -> None:
    fault = fault_of_thought(good(**changes), "focus", "defocus", edit_is_better=False)

    assert fault is not None and fault.why is why


def test_good_words_are_good_and_turned_round_they_contradict() -> None:
    assert fault_of_thought(good(), "focus", "defocus", edit_is_better=False) is None
    fault = fault_of_thought(good(), "focus", "defocus", edit_is_better=True)
    assert fault is not None and fault.why is Why.CONTRADICTION
