"""Which photos to keep: so many of each series, or so many of the whole shoot, diverse."""

from __future__ import annotations

from collections.abc import Sequence

from finepick.domain import Ranking


def choose_keeps(
    rankings: Sequence[Ranking], *, per_series: int, total: int | None = None
) -> tuple[tuple[bool, ...], ...]:
    """For each of *rankings*, which of its photos to keep, in the order of its `photos`.

    Sets that are kept whole are always kept. Of each other series the best *per_series* stay; or, with
    *total*, exactly so many photos of the whole shoot (fewer only if there are fewer, more only if the sets
    kept whole alone are more): the best of every series before the second of any, and within such a round
    those that score higher over all. *per_series* does not count then. Ties are settled by content.

    Raises ValueError for a negative number.
    """
    if per_series < 0 or (total is not None and total < 0):
        raise ValueError("the number of photos to keep must not be negative")
    if total is None:
        return tuple(_best_of_each(ranking, per_series) for ranking in rankings)
    whole = sum(len(ranking) for ranking in rankings if ranking.kind.is_kept_whole and not ranking.is_ranked)
    turns = sorted(
        (_turn(ranking, place), which, ranking.order[place])
        for which, ranking in enumerate(rankings)
        if _is_open(ranking)
        for place in range(len(ranking))
    )
    kept = {(which, photo) for _, which, photo in turns[: max(0, total - whole)]}
    return tuple(
        tuple(not _is_open(ranking) or (which, i) in kept for i in range(len(ranking)))
        for which, ranking in enumerate(rankings)
    )


def _is_open(ranking: Ranking) -> bool:
    """Whether there is a choice to make; a set of a kept-whole kind that the user had ranked has one."""
    return ranking.is_ranked or not ranking.kind.is_kept_whole


def _best_of_each(ranking: Ranking, count: int) -> tuple[bool, ...]:
    best = set(ranking.order[:count])
    return tuple(not _is_open(ranking) or i in best for i in range(len(ranking)))


def _turn(ranking: Ranking, place: int) -> tuple[float | int | str, ...]:
    """When the photo at *place* has its turn: by round, coarse score, size of its series, then content."""
    photo = ranking.order[place]
    coarse = float(ranking.coarse[photo]) if ranking.coarse is not None else 0.0
    likely = float(ranking.p_best[photo]) if ranking.p_best is not None else 0.0
    return (
        place,
        -round(coarse, 6),
        -len(ranking),
        -round(likely, 6),
        ranking.photos[photo].digest,
        ranking.photos[photo].path,
    )
