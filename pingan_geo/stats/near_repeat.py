"""Near repeat: how much sooner and nearer than by chance one event follows another.

Knox's test counts pairs of events by metres and days apart and compares them with the same places under
shuffled days. Its answer sets how far and how long an alert after an event holds. Import this module late:
it loads numba.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError

Floats = NDArray[np.float64]

#: Pairs nearer than the largest distance; more would take gigabytes.
MOST_PAIRS: Final = 50_000_000
_SHUFFLED_AT_ONCE: Final = 64
_LONGEST_TABLE: Final = 1 << 15  # whole days, so that they fit 16 bits
_MOST_COLUMNS: Final = 255


@dataclass(frozen=True, eq=False)
class Knox:
    """Pairs of events by distance (rows) and days (columns) apart.

    A ratio above 1 says that events bunch in space *and* time; it does not say that one led to the other,
    nor that the same people did both. Events that all came in one busy month of one street look the same.

    Parameters
    ----------
    distances_m, days
        Edges of the classes, one more than rows and columns.
    observed
        Pairs in each class.
    expected
        Exact mean over all orders of the days: pairs so far apart times the share of all pairs that many
        days apart.
    ratio
        ``observed / expected``; NaN where nothing is expected.
    p
        Share of shuffles with at least as many pairs, ``(r + 1) / (permutations + 1)``; one-sided, for each
        class alone; NaN without permutations. With many classes some are below 0.05 by chance.
    events, permutations
        How many there were.
    """

    distances_m: Floats
    days: Floats
    observed: NDArray[np.int64]
    expected: Floats
    ratio: Floats
    p: Floats
    events: int
    permutations: int


@dataclass(frozen=True)
class Reach:
    """Within how many metres and days of an event another one is more likely.

    It is a property of all events together, not a forecast for one place: most events have no repeat.

    Parameters
    ----------
    radius_m, days
        Outer edges of the classes that stand out.
    observed, expected, ratio
        Of all pairs within them.
    """

    radius_m: float
    days: float
    observed: int
    expected: float
    ratio: float


def knox(
    x_m: ArrayLike,
    y_m: ArrayLike,
    day: ArrayLike,
    distances_m: Sequence[float],
    days: Sequence[float],
    *,
    permutations: int = 999,
    rng: np.random.Generator,
    right_closed: bool = False,
) -> Knox:
    """Return how many pairs of events lie so near and so soon, and whether chance would do it.

    Parameters
    ----------
    x_m, y_m
        Metres of a plane, e.g. of :func:`pingan_geo.coords.local_metres`; one per event.
    day
        Days since any origin. Whole days unless the hour of every event is known.
    distances_m, days
        Edges of the classes, ascending, from 0 or more: ``(0, 0.001, 100, 200)`` has three, the first being
        the same place.
    permutations
        How often the days are shuffled over the places; 0 makes no test.
    rng
        Source of the shuffles.
    right_closed
        Classes are ``[a, b)``, or ``(a, b]`` with the lowest edge included. With whole days they differ
        much: seven days apart is in the second class or in the first.

    Returns
    -------
    Knox
        Its tables have a row per distance class. Distances are straight lines; the R package NearRepeat
        adds east and north instead unless told otherwise. They do not mean that pairs farther or later than the last
        class are ordinary: those are not looked at.

    Raises
    ------
    BadChoiceError
        If a place or day is missing, edges do not ascend from 0 or more, ``permutations`` is below 0, or
        more than :data:`MOST_PAIRS` pairs are within the largest distance.
    UnalignedIndexError
        If there is not one place and day for each event.
    """
    x, y, when = _events(x_m, y_m, day)
    far, late = _edges("distances_m", distances_m), _edges("days", days)
    if permutations < 0:
        raise BadChoiceError(name="permutations", value=permutations, expected="0 or more")
    shape = (far.size - 1, late.size - 1)
    first, second, ends = _near_pairs(x, y, far, right_closed=right_closed)
    clock, count = _counter(first, second, ends, when, late, right_closed=right_closed)
    observed = count(clock[None, :])[0]
    at_least = np.zeros(shape, dtype=np.int64)
    for start in range(0, permutations, _SHUFFLED_AT_ONCE):
        copies = np.tile(clock, (min(_SHUFFLED_AT_ONCE, permutations - start), 1))
        rng.permuted(copies, axis=1, out=copies)
        at_least += (count(copies) >= observed).sum(axis=0)
    pairs = when.size * (when.size - 1) // 2
    by_distance = np.diff(ends, prepend=0).astype(np.float64)
    expected = np.outer(by_distance, _pairs_by_days(when, late, right_closed=right_closed) / max(pairs, 1))
    ratio = np.divide(observed, expected, out=np.full(shape, np.nan), where=expected > 0)
    p = (at_least + 1) / (permutations + 1) if permutations else np.full(shape, np.nan)
    return Knox(far, late, observed, expected, ratio, p, when.size, permutations)


def reach(table: Knox, level: float = 0.05) -> Reach | None:
    """Return within how many metres and days events bunch, from the nearest and soonest class outwards.

    Parameters
    ----------
    table
        With permutations.
    level
        Every class of the block must have a p of at most this. Since the block must hold the nearest and
        soonest class, chance alone finds one in at most this share of cases.

    Returns
    -------
    Reach or None
        The block with the largest excess of pairs over expected; ``None`` when the nearest and soonest
        class does not stand out. ``None`` does not mean that there is no near repeat: there may be too few
        events to see it.

    Raises
    ------
    BadChoiceError
        If ``level`` is not between 0 and 1, or no permutations were made.
    """
    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    if not table.permutations:
        raise BadChoiceError(name="permutations", value=0, expected="1 or more")
    stands_out = table.p <= level
    whole = np.minimum.accumulate(np.minimum.accumulate(stands_out, axis=0), axis=1)
    if not whole[0, 0]:
        return None
    observed = table.observed.cumsum(axis=0).cumsum(axis=1)
    expected = table.expected.cumsum(axis=0).cumsum(axis=1)
    excess = np.where(whole, observed - expected, -np.inf)
    row, column = np.unravel_index(int(np.argmax(excess)), excess.shape)
    seen, usual = int(observed[row, column]), float(expected[row, column])
    return Reach(
        radius_m=float(table.distances_m[row + 1]),
        days=float(table.days[column + 1]),
        observed=seen,
        expected=usual,
        ratio=seen / usual if usual > 0 else np.nan,
    )


def alerts(
    x_m: ArrayLike, y_m: ArrayLike, day: ArrayLike, now_day: float, radius_m: float, days: float
) -> pd.DataFrame:
    """Return the circles around recent events in which to look again, and until when.

    Parameters
    ----------
    x_m, y_m, day
        As for :func:`knox`.
    now_day
        On the scale of ``day``. Events after it give no alert yet.
    radius_m, days
        Of :func:`reach`: an alert holds while fewer than ``days`` have passed.

    Returns
    -------
    pandas.DataFrame
        ``event`` (position among those given), ``x_m``, ``y_m``, ``radius_m``, ``until_day`` (exclusive);
        the one that lasts longest first. An alert does not say that something will happen there: it is
        a place to look at first.

    Raises
    ------
    BadChoiceError
        If a place or day is missing, ``now_day`` is not a number, or radius or days are not above 0.
    UnalignedIndexError
        If there is not one place and day for each event.
    """
    x, y, when = _events(x_m, y_m, day)
    if not np.isfinite(now_day):
        raise BadChoiceError(name="now_day", value=now_day, expected="a number")
    for name, value in (("radius_m", radius_m), ("days", days)):
        if not (np.isfinite(value) and value > 0):
            raise BadChoiceError(name=name, value=value, expected="above 0")
    until = when + days
    holding = np.flatnonzero((when <= now_day) & (now_day < until))
    event = holding[np.argsort(-until[holding], kind="stable")]
    return pd.DataFrame(
        {
            "event": event.astype(np.int64),
            "x_m": x[event],
            "y_m": y[event],
            "radius_m": np.full(event.size, float(radius_m)),
            "until_day": until[event],
        }
    )


def _events(x_m: ArrayLike, y_m: ArrayLike, day: ArrayLike) -> tuple[Floats, Floats, Floats]:
    x, y, when = (np.ravel(np.asarray(each, dtype=np.float64)) for each in (x_m, y_m, day))
    for name, other in (("y_m", y), ("day", when)):
        if other.size != x.size:
            raise UnalignedIndexError(left="x_m", right=name)
    missing = int(np.count_nonzero(~np.isfinite(x + y + when)))
    if missing:
        raise BadChoiceError(
            name="x_m, y_m, day", value=f"missing for {missing} events", expected="given for each"
        )
    return x, y, when


def _edges(name: str, edges: Sequence[float]) -> Floats:
    given = np.ravel(np.asarray(edges, dtype=np.float64))
    if given.size < 2 or not np.isfinite(given).all() or given[0] < 0 or (np.diff(given) <= 0).any():
        raise BadChoiceError(
            name=name, value=list(given), expected="two or more ascending numbers from 0 or more"
        )
    return given


def _near_pairs(
    x: Floats, y: Floats, edges: Floats, *, right_closed: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return the pairs of events in the distance classes, sorted by class, and where each class ends."""
    from scipy.spatial import cKDTree

    if not x.size:
        nothing = np.zeros(0, dtype=np.int32)
        return nothing, nothing, np.zeros(edges.size - 1, dtype=np.int64)
    tree = cKDTree(np.column_stack([x, y]))
    farthest = edges[-1] * (1.0 + 1e-9)  # the tree rounds in its own way; the classes decide
    pairs = (int(tree.count_neighbors(tree, farthest)) - x.size) // 2
    if pairs > MOST_PAIRS:
        raise BadChoiceError(
            name="distances_m",
            value=f"up to {edges[-1]:g}, which {pairs:,} pairs of events are within",
            expected=f"smaller, or the period shorter: at most {MOST_PAIRS:,} pairs",
        )
    found = tree.query_pairs(farthest, output_type="ndarray").astype(np.int32)
    apart = np.hypot(x[found[:, 0]] - x[found[:, 1]], y[found[:, 0]] - y[found[:, 1]])
    number = _class_of(apart, edges, right_closed=right_closed)
    # the same pairs in the same order whatever the tree does: first by class, then by event
    order = np.lexsort((found[:, 1], found[:, 0], number))
    order = order[(number[order] >= 0) & (number[order] < edges.size - 1)]
    first, second = (np.ascontiguousarray(found[order, side]) for side in (0, 1))
    return first, second, np.searchsorted(number[order], np.arange(edges.size - 1), side="right")


def _class_of(values: Floats, edges: Floats, *, right_closed: bool) -> NDArray[np.int64]:
    if not right_closed:
        return np.searchsorted(edges, values, side="right") - 1
    number = np.searchsorted(edges, values, side="left") - 1
    return np.where(values == edges[0], 0, number)


def _pairs_by_days(when: Floats, edges: Floats, *, right_closed: bool) -> NDArray[np.int64]:
    """Return how many of all pairs of events are in each class of days, near or far."""
    ordered = np.sort(when)
    later = np.arange(ordered.size) + 1

    def within(edge: float, side: Any) -> int:
        return int((np.searchsorted(ordered, ordered + edge, side=side) - later).clip(min=0).sum())

    sides = ["right" if right_closed else "left"] * edges.size
    if right_closed:
        sides[0] = "left"  # the lowest edge belongs to the first class
    return np.diff([within(edge, side) for edge, side in zip(edges, sides, strict=True)])


def _counter(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    ends: NDArray[np.int64],
    when: Floats,
    edges: Floats,
    *,
    right_closed: bool,
) -> tuple[Any, Callable[[Any], NDArray[np.int64]]]:
    """Return the days as they are counted with, and a function that counts pairs for each order of them.

    Whole days look their class up, several times faster than comparing.
    """
    classes = edges.size - 1
    since = when - when.min() if when.size else when
    span = since.max(initial=0.0)
    if span < _LONGEST_TABLE and classes < _MOST_COLUMNS and (since == np.floor(since)).all():
        column_of = _class_of(np.arange(span + 1), edges, right_closed=right_closed)
        column_of[(column_of < 0) | (column_of >= classes)] = classes  # a column of its own, dropped
        table = column_of.astype(np.uint8)
        return since.astype(np.int16), lambda orders: _count_whole(
            first, second, ends, np.ascontiguousarray(orders.T), table, classes
        )[:, :, :classes]
    return since, lambda orders: _count_any(first, second, ends, orders, edges, right_closed)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _count_whole(
    first: Any, second: Any, ends: Any, day_of: Any, column_of: Any, classes: Any
) -> Any:  # pragma: no cover - compiled
    # all orders of one pair before the next pair: the days of an event then lie side by side in memory
    orders = day_of.shape[1]
    counts = np.zeros((orders, ends.size, classes + 1), dtype=np.int64)
    tally = np.zeros((orders, classes + 1), dtype=np.int64)
    start = 0
    for row in range(ends.size):
        tally[:] = 0
        for pair in range(start, ends[row]):
            one, other = day_of[first[pair]], day_of[second[pair]]
            for order in range(orders):
                tally[order, column_of[abs(one[order] - other[order])]] += 1
        counts[:, row] = tally
        start = ends[row]
    return counts


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _count_any(
    first: Any, second: Any, ends: Any, orders: Any, edges: Any, right_closed: Any
) -> Any:  # pragma: no cover - compiled
    last = edges.size - 1
    counts = np.zeros((orders.shape[0], ends.size, last), dtype=np.int64)
    for order in range(orders.shape[0]):
        when = orders[order]
        start = 0
        for row in range(ends.size):
            for pair in range(start, ends[row]):
                apart = abs(when[first[pair]] - when[second[pair]])
                if apart < edges[0] or apart > edges[last] or (apart == edges[last] and not right_closed):
                    continue
                column = 0
                while apart > edges[column + 1] or (apart == edges[column + 1] and not right_closed):
                    column += 1
                counts[order, row, column] += 1
            start = ends[row]
    return counts
