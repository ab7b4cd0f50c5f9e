"""How a hotspot came to be one: its life class, a second opinion, and its change against the period before.

All of it is of reports of a cell and its neighbours. A class names a course of reports: where more people
begin to look, a hotspot is new; and where they stop, it fades.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.i18n import Translator, mark
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import neighbour_pairs, parents
from pingan_geo.stats.filters import select
from pingan_geo.workflow.explore import instant_of, whole_seconds
from pingan_geo.workflow.said import say_days
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEAST_REPORTS, LEVEL

if TYPE_CHECKING:
    from pingan_geo.stats.change import NewcomerSplit

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

#: Days of a step: whole weeks, so that each has as many Sundays. A thin record takes multiples of it.
STEP_DAYS: Final = 28
#: The past beyond two years says little about now; with fewer than six steps no trend can be seen.
MOST_STEPS, LEAST_STEPS = 26, 6
#: A cell is hot in a step from this z on: at 1.96 one cell in four would be hot by chance in some step.
HOT: Final = 3.0
#: More draws would make a visitor wait.
MOST_DRAWS: Final = 499_999
#: Life class to its words and its sign, so that nobody needs to tell colours apart.
LIFE_WORDS: Mapping[str, tuple[str, str]] = {
    "new": (mark("newly hot"), "✚"),
    "intensifying": (mark("intensifying"), "▲"),
    "persistent": (mark("persistent"), "■"),
    "fading": (mark("fading"), "▼"),
    "sporadic": (mark("sporadic"), "◆"),
    "historical": (mark("historical"), "○"),
}
#: What became of a cell and its neighbours since the period before, to its words and sign.
CHANGE_WORDS: Mapping[str, tuple[str, str]] = {
    "more": (mark("more"), "↑"),
    "newcomers": (mark("more, from newcomers"), "↗"),
    "fewer": (mark("fewer"), "↓"),
    "unclear": (mark("no clear change"), "→"),
}
#: Local Moran's opinion of a cell that Gi* calls hot.
MORAN_WORDS: Mapping[str, str] = {
    "agrees": mark("Local Moran agrees: the cell and its surroundings are both high by more than chance."),
    "alone": mark(
        "Local Moran does not agree: the cell is high, but its neighbours without it are so by chance at most."
    ),
    "around": mark(
        "Local Moran does not agree: the neighbours are high, the cell itself is not above the mean."
    ),
    "unknown": mark("Local Moran cannot tell: there are too many cells for the draws that were made."),
}
_DAY_S: Final = 86_400
#: Scores of cells without a report, whose quantile is minus infinity; only their order counts.
_LOWEST: Final = -8.0


@dataclass(frozen=True, eq=False)
class Courses:
    """How the cells of a list came to be hot; arrays and tables have one entry a listed cell, in its order.

    Parameters
    ----------
    life
        One of :data:`LIFE_WORDS`; ``""`` for a cell that is no hotspot by the corrected test, where the
        record is too short (``steps`` is 0), and where no step by itself is hot. A hotspot of a recent period
        is never ``historical``.
    steps, step_days
        Number and length of the steps of time, the last one ending with the period; 0 and 0: too short a
        record, or too few reports, for a class.
    starts, near, hot
        First day of each step; steps × listed cells: reports in the cell and its neighbours, and whether it
        was hot. Empty for leaders: a dated series of a small place may point at a person.
    historical
        Cells that are no hotspots now and were hot once, counted after a Bonferroni correction for all cells
        and steps.
    moran
        One of :data:`MORAN_WORDS`; ``""`` for a cell that is no hotspot by the corrected test.
    change
        ``before``, ``after``: reports in the cell and its neighbours in the period before and in the one asked
        for; ``ratio``, ``ratio_low``, ``ratio_high`` and ``p_value`` of
        :func:`pingan_geo.stats.change.compare_periods`, corrected; ``newcomers``: reports of ``after`` by
        people never seen before the period, NaN where reporters are not given; ``known``: reports of
        ``after`` whose reporter is known; ``old_before``, ``old_after``, ``p_old``: of people seen before;
        ``change``: one of :data:`CHANGE_WORDS` or ``""``. All NaN without ``earlier``.
    period, earlier
        As compared; ``earlier`` is ``None`` when reports do not reach back so far.
    total_before, total
        Reports in all tested cells, in both.
    """

    life: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype="<U12"))
    moran: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype="<U12"))
    change: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    steps: int = 0
    step_days: int = 0
    starts: NDArray[np.datetime64] = field(default_factory=lambda: np.zeros(0, dtype="datetime64[D]"))
    near: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    hot: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    historical: int = 0
    period: Period | None = None
    earlier: Period | None = None
    total_before: int = 0
    total: int = 0

    @classmethod
    def untold(cls, rows: int) -> Courses:
        """Return courses of so many listed cells of which nothing can be told."""
        change = pd.DataFrame({name: np.full(rows, np.nan) for name in CHANGE_NUMBERS})
        words = pd.Series([""] * rows, dtype="str")
        blank = np.full(rows, "", dtype="<U12")
        return cls(blank, blank, change.assign(change=words))

    def shown_to(self, audience: str) -> Courses:
        """Return what an audience may see: leaders get the class of a cell and no dated series."""
        if audience != "leader":
            return self
        nothing = Courses()
        return replace(self, starts=nothing.starts, near=nothing.near, hot=nothing.hot)

    def counted(self, words: Mapping[str, tuple[str, str]]) -> dict[str, int]:
        """Return how many listed cells have each of the life classes or changes, only those that occur."""
        codes = self.life if words is LIFE_WORDS else self.change["change"].to_numpy(dtype=str)
        found = {code: int((codes == code).sum()) for code in words}
        return {code: count for code, count in found.items() if count}


CHANGE_NUMBERS: Final = (
    *("before", "after", "ratio", "ratio_low", "ratio_high", "p_value"),
    *("newcomers", "known", "old_before", "old_after", "p_old"),
)


def follow_courses(
    reports: Any,
    asked: ReportFilter,
    cells: NDArray[np.uint64],
    resolution: int,
    *,
    exposure: Floats,
    p_value: Floats,
    listed: Positions,
    board_of: Mapping[str, str] | None = None,
    correction: str = "bh",
    reporters: NDArray[np.object_] | None = None,
    seed: int = 0,
) -> Courses:
    """Return how listed cells came to be hot.

    Parameters
    ----------
    reports
        All of the town's, whatever their time: columns that ``asked`` needs, ``time`` and ``cell``.
    asked
        The question; a period is cut to the span of the ledgers asked for (its sources and origin).
    cells, resolution
        H3 cells of the town, ascending, and their resolution.
    exposure, p_value
        Per cell: of the test of Gi* (0: it took no part), taken as the same in all steps; and its corrected
        p-value (NaN: no verdict).
    listed
        Positions of the cells wanted.
    board_of
        As in :func:`pingan_geo.stats.filters.select`.
    correction
        Of the p-values of the change and of local Moran, for all tested cells.
    reporters
        Pseudonym of each report, ``""`` unknown; without it newcomers are not told apart.
    seed
        Of local Moran's draws.

    Returns
    -------
    Courses
        A class is not itself tested, and a cell whose reports hover at the threshold changes it easily. A
        change does not say why: where the whole town reports more, so does each of its cells.
    """
    nothing = Courses.untold(len(listed))
    time = reports["time"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    ledgers = ReportFilter(sources=asked.sources, origin=asked.origin, batch=asked.batch)
    kept = time[select(reports, ledgers)]
    tested = exposure > 0
    if not tested.any() or not len(kept):
        return nothing
    fits = select(reports, replace(asked, period=Period()), board_of)
    begin, end = int(kept.min()) // _DAY_S * _DAY_S, (int(kept.max()) // _DAY_S + 1) * _DAY_S
    since = max(begin, whole_seconds(asked.period.since)) if asked.period.since else begin
    until = min(end, whole_seconds(asked.period.until)) if asked.period.until else end
    if since >= until:
        return nothing
    place = np.full(len(cells) + 1, -1, dtype=np.int64)
    place[:-1][tested] = np.arange(int(tested.sum()))
    ground = _Ground(
        position=place[_position(reports["cell"].to_numpy(dtype=np.uint64)[fits], cells, resolution)],
        time=time[fits],
        pairs=neighbour_pairs(cells[tested]),
        exposure=exposure[tested],
        wanted=place[listed],
        hotspot=p_value[tested] < LEVEL,
    )
    lived = _lives(ground, (begin, since, until), nothing)
    change = _changes(ground, (begin, since, until), correction, lived)
    if reporters is not None and change.earlier is not None:
        change = _with_newcomers(ground, time, reporters, fits, (since, until), change)
    return replace(_named_changes(change), moran=_second_opinion(ground, since, until, correction, seed))


def split_newcomers(
    time: NDArray[np.int64],
    reporters: NDArray[np.object_],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    split: datetime,
    length: timedelta,
) -> NewcomerSplit:
    """Tell newcomers from people who reported before, for two periods of one length that need not touch.

    Parameters
    ----------
    time, reporters
        Per report of the town, whatever it tells of: seconds since 1970, and who sent it (``""`` unknown).
        Who reported anything from anywhere before ``split`` is no newcomer.
    before, after
        Which reports are counted in the earlier and in the later period.
    split
        Start of the later period.
    length
        Of each of them.

    Returns
    -------
    NewcomerSplit
        Of :func:`pingan_geo.stats.change.newcomers`.
    """
    from pingan_geo.stats.change import newcomers

    start, size = whole_seconds(split), int(length.total_seconds())
    known = after | (time < start)
    # Where in its period a report lies does not count; the earlier period is moved to the split.
    moved = np.where(after, start, np.where(before, start - 1, start - size - 1))
    history = pd.DataFrame(
        {
            "time": moved[known].astype("datetime64[s]"),
            "reporter": pd.Series(reporters[known], dtype="str"),
        }
    )
    return newcomers(history, split, since=split - length, until=split + length)


def say_courses(courses: Courses, t: Translator) -> list[tuple[str, str]]:
    """Return (label, text) pairs: how life classes and changes came about, and how many there are."""
    if not len(courses.life) or courses.period is None:
        return []
    lines = [(t("Life class"), _say_lives(courses, t))]
    if courses.earlier is None:
        lines.append(
            (
                t("Change"),
                t("No comparison: the town's reports do not reach back to the period before"),
            )
        )
        return lines
    counted = courses.counted(CHANGE_WORDS)
    lines.append(
        (
            t("Change"),
            t(
                "each listed cell and its neighbours against the equally long period before ({earlier}): {counted}; "
                "all of the area {before}, now {after} reports",
                earlier=say_days(courses.earlier, t),
                counted=_say_counted(counted, CHANGE_WORDS, t) or t("too few reports"),
                before=courses.total_before,
                after=courses.total,
            ),
        )
    )
    return lines


def say_word(code: str, words: Mapping[str, tuple[str, str]], t: Translator) -> str:
    """Return a life class or a change with its sign; ``""`` where there is none."""
    return f"{words[code][1]} {t(words[code][0])}" if code else ""


def _say_lives(courses: Courses, t: Translator) -> str:
    if not courses.steps:
        return t(
            "none: too short a record, or too few reports, to tell ({least} steps of {days} days with {count} "
            "reports each are needed)",
            least=LEAST_STEPS,
            days=STEP_DAYS,
            count=LEAST_REPORTS,
        )
    said = t(
        "of {steps} steps of {days} days, the last ending with the period: {counted}",
        steps=courses.steps,
        days=courses.step_days,
        counted=_say_counted(courses.counted(LIFE_WORDS), LIFE_WORDS, t) or t("no listed cell has one"),
    )
    if courses.historical:
        said += t("; elsewhere {count} cells were hotspots before and are none now", count=courses.historical)
    return said


def _say_counted(counted: Mapping[str, int], words: Mapping[str, tuple[str, str]], t: Translator) -> str:
    return t(", ").join(f"{t(words[code][0])} {t.number(count)}" for code, count in counted.items())


@dataclass(frozen=True, eq=False)
class _Ground:
    """The reports of all times that fit the question, in the cells that were tested."""

    position: Positions  # per report: place among the tested cells, -1 in none
    time: NDArray[np.int64]  # per report: seconds since 1970
    pairs: tuple[Positions, Positions]
    exposure: Floats  # per tested cell
    wanted: Positions  # per listed cell: place among the tested cells, -1 if it was not tested
    hotspot: NDArray[np.bool_]  # per tested cell: below the level after the correction

    @property
    def size(self) -> int:
        """How many cells were tested."""
        return len(self.exposure)

    def counts(self, since: int, until: int, among: NDArray[np.bool_] | None = None) -> Floats:
        """Return reports per tested cell in a half-open time."""
        there = (self.position >= 0) & (self.time >= since) & (self.time < until)
        if among is not None:
            there &= among
        return np.bincount(self.position[there], minlength=self.size).astype(np.float64)

    def near(self, counts: Floats) -> Floats:
        """Return counts of each cell with its neighbours."""
        from pingan_geo.stats.neighbours import sum_beside

        return counts + sum_beside(counts, *self.pairs)

    def listed(self, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """Return values of the listed cells; ``missing`` where one was not tested."""
        return np.where(self.wanted >= 0, values[..., self.wanted], missing)


def _lives(ground: _Ground, ends: tuple[int, int, int], nothing: Courses) -> Courses:
    """Return the life classes, and the series that they come from."""
    begin, since, until = ends
    placed = ground.time[ground.position >= 0]
    steps, length = _steps(placed, begin, until)
    if not steps:
        return nothing
    from scipy.special import ndtr, ndtri

    from pingan_geo.stats.change import RECENT_SHARE, life_classes
    from pingan_geo.stats.gi_star import gi_star_of_excess
    from pingan_geo.stats.scatter import scatter_p

    starts = until - length * np.arange(steps, 0, -1)
    counts = np.stack([ground.counts(int(start), int(start) + length) for start in starts])
    near = np.stack([ground.near(one) for one in counts])
    totals = counts.sum(axis=1)
    share = np.minimum(ground.near(ground.exposure) / ground.exposure.sum(), 1.0)
    z = np.stack([gi_star_of_excess(one, ground.exposure, *ground.pairs) for one in counts])

    def scattered(step: Positions, cell: Positions) -> Floats:
        p = np.ones(len(step))
        for one in np.unique(step):
            here = step == one
            p[here] = scatter_p(near[one, cell[here]], int(totals[one]), share[cell[here]])
        return p

    # z of a step with few reports is too large far out; the exact chance of a scatter holds it down
    wanted = np.unique(np.append(ground.wanted[ground.wanted >= 0], np.flatnonzero(ground.hotspot)))
    step, cell = (grid.ravel() for grid in np.meshgrid(np.arange(steps), wanted, indexing="ij"))
    score = np.full(z.shape, _LOWEST)
    score[step, cell] = np.maximum(np.minimum(z[step, cell], -ndtri(scattered(step, cell))), _LOWEST)
    recent = steps - math.ceil(steps * RECENT_SHARE)
    life = np.full(ground.size, "never", dtype="<U12")
    life[ground.hotspot] = life_classes(score[:, ground.hotspot], threshold=HOT)
    if since >= starts[recent]:  # hot in the recent steps together, though perhaps in none by itself
        again = life == "historical"
        score[-1, again] = np.maximum(score[-1, again], HOT)
        life[again] = life_classes(score[:, again], threshold=HOT)
    life[life == "never"] = ""
    # hotspots of the past, told from chance among all cells and steps
    step, cell = np.nonzero((z >= HOT) & ~ground.hotspot)
    p = np.maximum(scattered(step, cell), ndtr(-z[step, cell]))
    clear = (p * z.size < LEVEL) & (near[step, cell] >= LEAST_NEAR)
    lasting = cell[(step >= recent) & (p <= ndtr(-HOT))]
    past = np.setdiff1d(cell[clear & (step < recent)], lasting)
    return replace(
        nothing,
        life=ground.listed(life, ""),
        steps=steps,
        step_days=length // _DAY_S,
        starts=starts.astype("datetime64[s]").astype("datetime64[D]"),
        near=ground.listed(near, 0).astype(np.int64),
        hot=ground.listed(score >= HOT, False),
        historical=len(past),
    )


def _steps(time: NDArray[np.int64], begin: int, until: int) -> tuple[int, int]:
    """Return number and length (seconds) of the steps back from the period's end; 0 and 0: too short."""
    days = STEP_DAYS
    while True:
        length = days * _DAY_S
        steps = min((until - begin) // length, MOST_STEPS)
        if steps < LEAST_STEPS:
            return 0, 0
        if int(((time >= until - steps * length) & (time < until)).sum()) >= steps * LEAST_REPORTS:
            return steps, length
        days += STEP_DAYS


def _changes(ground: _Ground, ends: tuple[int, int, int], correction: str, courses: Courses) -> Courses:
    """Add the comparison with the equally long period before, where reports reach back so far."""
    from pingan_geo.stats.change import compare_periods
    from pingan_geo.stats.significance import adjust

    begin, since, until = ends
    start = since - (until - since)
    now = ground.counts(since, until)
    courses = replace(courses, period=Period(instant_of(since), instant_of(until)), total=int(now.sum()))
    if start < begin:
        return courses
    before = ground.counts(start, since)
    near = ground.near(before), ground.near(now)
    compared = compare_periods(*near, length_before_d=1.0, length_after_d=1.0)
    corrected = compared.assign(p_value=adjust(compared["p_value"].to_numpy(), correction))
    table = courses.change.assign(
        **{name: ground.listed(corrected[name].to_numpy(np.float64), np.nan) for name in CHANGE_NUMBERS[:6]}
    )
    return replace(
        courses,
        change=table,
        earlier=Period(instant_of(start), instant_of(since)),
        total_before=int(before.sum()),
    )


def _with_newcomers(
    ground: _Ground,
    time: NDArray[np.int64],
    reporters: NDArray[np.object_],
    fits: NDArray[np.bool_],
    ends: tuple[int, int],
    courses: Courses,
) -> Courses:
    """Add how many of the reports come from people who had never reported before the period."""
    from pingan_geo.stats.change import chance_of_rise

    since, until = ends
    person, _ = pd.factorize(pd.Series(reporters, dtype="str").replace("", None))  # -1 where not known
    known = person >= 0
    seen = np.zeros(int(person.max(initial=-1)) + 2, dtype=bool)  # the last stands for -1
    seen[person[known & (time < since)]] = True
    old, new = (known & seen[person])[fits], (known & ~seen[person])[fits]

    def near(first: int, last: int, among: NDArray[np.bool_]) -> Floats:
        return ground.near(ground.counts(first, last, among))

    old_before, old_after = near(since - (until - since), since, old), near(since, until, old)
    numbers = {
        "newcomers": near(since, until, new),
        "known": near(since, until, old | new),
        "old_before": old_before,
        "old_after": old_after,
        "p_old": chance_of_rise(old_before, old_after),
    }
    listed = {name: ground.listed(values, np.nan) for name, values in numbers.items()}
    return replace(courses, change=courses.change.assign(**listed))


def _named_changes(courses: Courses) -> Courses:
    """Add a word for each change; one that only newcomers bring is told apart from a rise of the others."""
    from pingan_geo.stats.change import chance_of_rise

    table = courses.change
    before, after = (np.nan_to_num(table[name].to_numpy()) for name in ("before", "after"))
    others = np.maximum(after - np.nan_to_num(table["newcomers"].to_numpy()), 0.0)
    clear = table["p_value"].to_numpy() < LEVEL
    change = np.select(
        [
            np.isnan(table["before"].to_numpy()) | (before + after < 2 * LEAST_NEAR),
            ~clear,
            after < before,
            ~(chance_of_rise(before, others) < LEVEL),
        ],
        ["", "unclear", "fewer", "newcomers"],
        default="more",
    )
    return replace(courses, change=table.assign(change=pd.Series(change, dtype="str")))


def _second_opinion(ground: _Ground, since: int, until: int, correction: str, seed: int) -> NDArray[np.str_]:
    """Return what local Moran says of each listed hotspot."""
    from pingan_geo.stats.gi_star import local_moran, standardised_excess
    from pingan_geo.stats.significance import adjust

    hotspots = int(ground.hotspot.sum())
    if not hotspots:
        return np.full(len(ground.wanted), "", dtype="<U12")
    # So many draws that a twentieth of the hotspots can pass the correction; no p-value is below 2 / (draws + 1).
    passing = max(hotspots / 20, 0.5)
    share = {"none": ground.size, "bh": passing, "by": passing / (1 + math.log(ground.size))}
    draws = int(min(max(2 / LEVEL * ground.size / share.get(correction, 0.5), 999), MOST_DRAWS))
    counts = ground.counts(since, until)
    if np.ptp(ground.exposure) > 0:
        counts = standardised_excess(counts, ground.exposure)
    found = local_moran(counts, *ground.pairs, permutations=draws, rng=np.random.default_rng(seed))
    agrees = (found.quadrant == "HH") & (adjust(found.p_permuted, correction) < LEVEL)
    smallest = found.p_permuted <= 2 / (draws + 1)  # with more draws it might pass
    opinion = np.select(
        [~ground.hotspot, agrees, counts <= counts.mean(), smallest],
        ["", "agrees", "around", "unknown"],
        default="alone",
    )
    return np.asarray(ground.listed(opinion, ""), dtype="<U12")


def _position(finest: NDArray[np.uint64], cells: NDArray[np.uint64], resolution: int) -> Positions:
    """Return the place of each report's cell in ``cells``, -1 in none."""
    own = parents(finest, resolution)
    near = np.minimum(np.searchsorted(cells, own), len(cells) - 1)
    return np.where(cells[near] == own, near, -1)
