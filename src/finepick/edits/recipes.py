"""Recipes: which edits, how strong, with which seed. A picture can be made again from its source and its recipe.

As JSON a recipe is a list of steps: `[{"edit": "tilt", "strength": 0.4, "seed": 7, "engine": 1}]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finepick.domain import Frame
from finepick.edits.base import ENGINE, Prepared, checked
from finepick.edits.catalogue import find_edit
from finepick.errors import RecipeError, UnknownEditError

_KEYS = {"edit", "strength", "seed", "engine"}
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of a recipe; *strength* 0…1, *seed* from 0 on."""

    edit: str
    strength: float = 1.0
    seed: int = 0


Recipe = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """A picture that a recipe made, and in words what was done, in the order of its steps."""

    frame: Frame
    description: str


def follow(frame: Frame, recipe: Iterable[Step]) -> Edited:
    """*frame* after the steps of *recipe*, one after the other; *frame* itself stays as it is.

    The same pixels for the same frame, recipe and library versions; within one grey level with other versions.
    Raises UnknownEditError, ValueError for a strength outside 0…1 or a negative seed.
    """
    return next(follow_all(frame, [tuple(recipe)]))


def chain(frame: Frame, edit: str, strengths: Iterable[float], *, seed: int = 0) -> list[Frame]:
    """*frame* under one edit at several strengths, with one draw of chance: only more or less of it.

    >>> chain(frame, "dust", [0.25, 0.5, 1.0], seed=7)      # doctest: +SKIP

    Raises UnknownEditError, ValueError.
    """
    return [edited.frame for edited in follow_all(frame, [(Step(edit, s, seed),) for s in strengths])]


def scaled(recipe: Recipe, share: float) -> Recipe:
    """*recipe* with every strength multiplied by *share*."""
    return tuple(replace(step, strength=step.strength * share) for step in recipe)


def follow_all(frame: Frame, recipes: Iterable[Recipe]) -> Iterator[Edited]:
    """What `follow` gives for each of *recipes*; edits that several begin with are made ready once."""
    prepared: dict[tuple[str, int], Prepared] = {}
    for recipe in recipes:
        made, words = frame, []
        for number, step in enumerate(recipe):
            # Later steps meet another picture in every recipe.
            ready = prepared.get((step.edit, step.seed)) if number == 0 else None
            if ready is None:
                ready = find_edit(step.edit).prepare(made, seed=step.seed)
            if number == 0:
                prepared[step.edit, step.seed] = ready
            made = ready.frame_at(step.strength)
            words.append(ready.words_at(step.strength))
        yield Edited(made if recipe else frame.copy(), "; ".join(words) or "changes nothing")


def entries_of(recipe: Iterable[Step]) -> list[dict[str, Any]]:
    """*recipe* as JSON holds it."""
    return [
        {"edit": step.edit, "strength": step.strength, "seed": step.seed, "engine": ENGINE} for step in recipe
    ]


def recipe_of(entries: object, *, path: str | None = None) -> Recipe:
    """The recipe that *entries* (of `entries_of`) say, checked. Raises RecipeError, about the file *path*."""
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise _error("a recipe is a list of at least one step", path)
    if len(entries) > _MOST_STEPS:
        raise _error(f"a recipe has at most {_MOST_STEPS} steps, not {len(entries)}", path)
    return tuple(_step(entry, number, path) for number, entry in enumerate(entries, 1))


def _step(entry: object, number: int, path: str | None) -> Step:
    where = f"step {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("edit"), str):
        raise _error(f'{where} has no edit; a step is {{"edit": NAME, "strength": 0…1, "seed": N}}', path)
    unknown = sorted(set(map(str, entry)) - _KEYS)
    if unknown:
        raise _error(f"{where} has '{unknown[0]}', which no step has", path)
    engine, seed, strength = entry.get("engine", ENGINE), entry.get("seed", 0), entry.get("strength", 1.0)
    if engine != ENGINE:
        raise _error(f"{where} was made by edit engine {engine!r}, this is {ENGINE}; take that version", path)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise _error(f"{where}: the seed is {seed!r}, not a whole number from 0 on", path)
    if isinstance(strength, bool) or not isinstance(strength, int | float):
        raise _error(f"{where}: the strength is {strength!r}, not a number", path)
    try:
        find_edit(entry["edit"])
        return Step(entry["edit"], float(checked(strength)), seed)
    except (UnknownEditError, ValueError) as error:
        raise _error(f"{where}: {error}", path) from error


def _error(what: str, path: str | None) -> RecipeError:
    return RecipeError(
        f"{what}; correct the recipe" if path is None else f"{path}: {what}; correct it", path=path
    )
