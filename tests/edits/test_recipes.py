"""Recipes: as JSON and back, followed to the pixel, refused with a reason."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.edits import EDITS, ENGINE, Step, chain, entries_of, follow, follow_all, recipe_of, scaled
from finepick.errors import RecipeError
from tests.edits.drawn import landscape

steps = st.builds(
    Step,
    edit=st.sampled_from([edit.name for edit in EDITS]),
    strength=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
)


@given(st.lists(steps, min_size=1, max_size=8))
def test_a_recipe_survives_json(recipe: list[Step]) -> None:
    assert recipe_of(json.loads(json.dumps(entries_of(recipe)))) == tuple(recipe)


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, min_size=1, max_size=3))
def test_a_picture_can_be_made_again_from_its_recipe(recipe: list[Step]) -> None:
    made = follow(landscape(), recipe)
    again = follow(landscape(), recipe_of(json.loads(json.dumps(entries_of(recipe)))))

    assert np.array_equal(made.frame, again.frame) and made.description == again.description


def test_a_chain_gives_what_each_recipe_gives_alone() -> None:
    strengths = [0.2, 0.5, 0.9]
    together = chain(landscape(), "dust", strengths, seed=4)

    for strength, frame in zip(strengths, together, strict=True):
        assert np.array_equal(frame, follow(landscape(), [Step("dust", strength, 4)]).frame)


def test_recipes_of_several_steps_give_together_what_each_gives_alone() -> None:
    recipe = (Step("tilt", 0.4, 1), Step("dust", 0.8, 2), Step("dust", 0.5, 2))
    recipes = [recipe, scaled(recipe, 0.5), recipe[:1], ()]

    for edited, alone in zip(follow_all(landscape(), recipes), recipes, strict=True):
        assert np.array_equal(edited.frame, follow(landscape(), alone).frame)


def test_the_order_of_steps_counts_and_is_told() -> None:
    one, other = (
        [Step("haze", 0.5), Step("underexposure", 0.5)],
        [Step("underexposure", 0.5), Step("haze", 0.5)],
    )

    assert not np.array_equal(follow(landscape(), one).frame, follow(landscape(), other).frame)
    assert follow(landscape(), one).description.endswith("; darkens by 1.8 stops")
    assert follow(landscape(), []).description == "changes nothing"


def test_scaling_a_recipe_scales_every_strength() -> None:
    assert scaled((Step("haze", 0.8, 3), Step("dust", 0.4)), 0.5) == (Step("haze", 0.4, 3), Step("dust", 0.2))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (None, "a recipe is a list of at least one step"),
        ([], "a recipe is a list of at least one step"),
        ("tilt", "a recipe is a list of at least one step"),
        ([{"edit": "tilt"}] * 101, "a recipe has at most 100 steps, not 101"),
        (["tilt"], "step 1 has no edit"),
        ([{"edit": "tilt"}, {"edit": 3}], "step 2 has no edit"),
        ([{"edit": "charm"}], "step 1: no edit is called 'charm'"),
        ([{"edit": "tilt", "degrees": 4}], "step 1 has 'degrees', which no step has"),
        ([{"edit": "tilt", "strength": 1.2}], "step 1: a strength lies from 0 to 1, not 1.2"),
        ([{"edit": "tilt", "strength": float("nan")}], "step 1: a strength lies from 0 to 1, not nan"),
        ([{"edit": "tilt", "strength": "1"}], "step 1: the strength is '1', not a number"),
        ([{"edit": "tilt", "strength": True}], "step 1: the strength is True, not a number"),
        ([{"edit": "tilt", "seed": -1}], "step 1: the seed is -1, not a whole number from 0 on"),
        ([{"edit": "tilt", "seed": 0.5}], "step 1: the seed is 0.5, not a whole number from 0 on"),
        (
            [{"edit": "tilt", "engine": ENGINE + 1}],
            f"step 1 was made by edit engine {ENGINE + 1}, this is {ENGINE}",
        ),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_reason(entries: object, reason: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(entries, path="recipe.json")

    assert str(caught.value).startswith(f"recipe.json: {reason}") and caught.value.path == "recipe.json"
    assert str(caught.value).endswith("; correct it")
