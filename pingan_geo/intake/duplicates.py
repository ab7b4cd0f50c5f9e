"""The same incident told by several people: which pairs of reports a person should look at.

Nothing is merged here. A pair is offered when both reports are of one kind, near and soon enough for that
kind, and what else is known of them (words, numbers of doors, photos, reporters) speaks for it.

Radius and window of each category are defaults of our own, by what the thing is: a hole in the road stays for
weeks and is seen by all who pass, two thefts in one bicycle shed on one day are two thefts. The town may
state others (``[duplicates.RD1]`` in ``town.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadTableError, SettingsError
from pingan_geo.intake.texts import arrow_text, different
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.model.tables import DUPLICATE_PAIRS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class DuplicateRule:
    """When two reports of a category may tell of one incident.

    Parameters
    ----------
    radius_m
        As far apart as two people place one thing, in metres.
    window_h
        As long as people go on telling of it, in hours.
    least_words
        Likeness of the words, 0–1, below which a pair is not offered, unless the photos are alike: of kinds
        that happen side by side (thefts, things lost). A pair without words is then not offered either.
    family
        Categories of one family are compared with one another too; ``""``: only with itself.
    words
        Say nothing in this category, because every report of it says them.
    """

    radius_m: float
    window_h: float
    least_words: float = 0.0
    family: str = ""
    words: tuple[str, ...] = ()


_DAY_H = 24.0
#: Of categories without a rule of their own.
DEFAULT_RULE = DuplicateRule(50.0, 3 * _DAY_H)
#: By the codes of the taxonomy that a new town begins with.
DEFAULT_RULES: Mapping[str, DuplicateRule] = {
    "FW1": DuplicateRule(40.0, 7 * _DAY_H, family="wires"),  # one building, until somebody takes it down
    "FW2": DuplicateRule(40.0, 7 * _DAY_H, family="wires"),
    "FW3": DuplicateRule(40.0, 2 * _DAY_H, family="wires"),  # other bikes stand there the day after
    "FW4": DuplicateRule(40.0, 7 * _DAY_H),
    "FR1": DuplicateRule(100.0, 24.0),  # smoke is seen from afar, and not for long
    "RD1": DuplicateRule(30.0, 30 * _DAY_H, family="road"),
    "RD2": DuplicateRule(40.0, 14 * _DAY_H, family="road"),
    "RD3": DuplicateRule(100.0, 24.0),  # water spreads, and is gone the next day
    "RD4": DuplicateRule(50.0, 5 * _DAY_H),
    "RD5": DuplicateRule(25.0, 14 * _DAY_H),
    "TH1": DuplicateRule(50.0, 24.0, least_words=0.2),
    "TH2": DuplicateRule(50.0, 24.0, least_words=0.2),
    "TH3": DuplicateRule(80.0, 24.0, least_words=0.15),
    "TH4": DuplicateRule(50.0, 24.0, least_words=0.2),
    "LF1": DuplicateRule(200.0, 48.0, least_words=0.15),
    "EN1": DuplicateRule(80.0, 7 * _DAY_H, least_words=0.15, family="enterprise"),
    "EN2": DuplicateRule(80.0, 7 * _DAY_H, least_words=0.15, family="enterprise"),
    "CF1": DuplicateRule(80.0, 3 * _DAY_H, least_words=0.1),
}

#: What the reports must have.
COLUMNS = (
    "report_id",
    "category",
    "time",
    "time_until",
    "lon",
    "lat",
    "radius_m",
    "place",
    "description",
    "reporter",
    "origin",
)

#: Pairs with less are not offered. Nothing is merged unasked, so a wrong pair costs a person five seconds and
#: a missed one counts an incident twice for good. On made ledgers full of near misses (tests), of the pairs
#: offered 79 % are true and of the true ones 74 % are offered; at 0.7 it would be 86 % and 63 %, at 0.3 73 %
#: and 82 %.
QUEUE_SCORE = 0.5
#: A report is compared with so many others at most, the nearest first; in a crowd nobody could say which.
MOST_COMPARED = 20
#: And so many of them are offered at most, the likeliest first.
MOST_OFFERED = 8
#: A place known roughly widens the radius by so much at most; beyond it says nothing of who told what.
MOST_SLACK_M = 250.0
#: An interval counts as no longer than this: who knows only the month does not know the time.
MOST_SPAN_H = 7 * _DAY_H

# Points of evidence, in logits: see find_duplicates.
_BASE = -2.0
_NEAR, _SOON = 2.4, 1.8
_WORDS, _WORDS_EVEN, _UNLIKE_WORDS, _LIKE_WORDS = 12.0, 0.15, -2.0, 3.0
_PLACE_WORDS = 0.5
_SAME_PHOTO, _LIKE_PHOTO = 4.0, 1.5
_SAME_NUMBER, _OTHER_NUMBER = 1.0, -6.0
_SENT_TWICE, _ON_A_ROUND = 1.0, -4.0
_OTHER_CATEGORY = -1.0
#: Of 64 bits, so few differ between pictures of one view; unlike pictures differ in 32.
_SAME_PHOTO_BITS, _LIKE_PHOTO_BITS, _UNLIKE_PHOTO_BITS = 8, 12, 32
_SENT_TWICE_H, _SENT_TWICE_M, _ROUND_H = 1 / 6, 15.0, 12.0
_SAME_WORDS = 0.6
_SINGLE = 0.5  # weight of a character beside that of two in a row
_FINE_SPAN_H = 24.0
_TEXT_SLAB = 200_000


def duplicate_rules(
    categories: Iterable[Any], stated: Mapping[str, Any], *, file: str = "town.toml"
) -> tuple[dict[str, DuplicateRule], DuplicateRule]:
    """Return the rule of each category of a town, and that of all others.

    Parameters
    ----------
    categories
        With ``code, name, name_en, aliases``; their words say nothing within the category.
    stated
        ``[duplicates]`` of ``town.toml``: code of a category, or ``default``, to a table of ``radius_m``,
        ``window_h``, ``least_words`` (0–1) and ``family``; what is absent stays as it is.
    file
        Name for messages.

    Returns
    -------
    tuple
        Code to rule, and the rule of categories that are not among them.

    Raises
    ------
    SettingsError
        If a value cannot be used, or a key is not known.
    """
    default = _stated_rule(DEFAULT_RULE, stated.get("default", {}), "default", file)
    named = {category.code: category for category in categories}
    rules = {}
    for code in dict.fromkeys([*named, *DEFAULT_RULES, *(code for code in stated if code != "default")]):
        rule = _stated_rule(DEFAULT_RULES.get(code, default), stated.get(code, {}), code, file)
        if code in named:
            own = named[code]
            words = [part for word in (own.name, own.name_en, *own.aliases) for part in _parts(word)]
            rule = replace(rule, words=tuple(dict.fromkeys(words)))
        rules[code] = rule
    return rules, default


def _stated_rule(rule: DuplicateRule, stated: Any, code: str, file: str) -> DuplicateRule:
    def refuse(key: str, value: Any, expected: str) -> SettingsError:
        return SettingsError(file=file, key=f"duplicates.{code}{key}", value=repr(value), expected=expected)

    if not isinstance(stated, Mapping):
        raise refuse("", stated, "a table")
    limits = {"radius_m": (1.0, 2_000.0), "window_h": (0.1, 8_784.0), "least_words": (0.0, 1.0)}
    changed: dict[str, Any] = {}
    for key, value in stated.items():
        if key == "family":
            if not isinstance(value, str):
                raise refuse(".family", value, "a text")
            changed[key] = value
        elif key in limits:
            low, high = limits[key]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise refuse(f".{key}", value, f"a number from {low:g} to {high:g}")
            changed[key] = float(value)
        else:
            raise refuse(f".{key}", value, " / ".join((*limits, "family")))
    return replace(rule, **changed)


def _parts(word: str) -> list[str]:
    """Return the parts of a category's name that can stand in a description by themselves."""
    plain = _plain(pa.array([re.sub(r"[()/、,，（）·]+", "|", word)], pa.large_string()), keep="|")[0].as_py()
    return [part for part in plain.split("|") if len(part) > 1]


# -- pairs -------------------------------------------------------------------------------------------


def find_duplicates(
    reports: Any,
    *,
    rules: Mapping[str, DuplicateRule],
    default: DuplicateRule,
    new: Any = None,
    likeness: Mapping[int, int] | None = None,
    least_score: float = QUEUE_SCORE,
    on_progress: OnProgress | None = None,
) -> Any:
    """Return the pairs of reports that may tell of one incident.

    Two reports are compared when they are of one category or family, both reported or both found, and lie
    within the rule's radius and window. Where a place is known roughly, the radius is that of the roughness of
    both, ``hypot(radius, radius)``, if that is more, by 250 m more at most. The hours between two reports are
    those between their intervals, 0 where these overlap. Of two categories of a family, the narrower radius
    and window count.

    The score is ``1 / (1 + exp(-points))``. The points begin at -2 and are, with ``R`` the radius used:

    - near: ``2.4 · (1 - (distance / R)²) · sqrt(radius of the rule / R)``;
    - soon: ``1.8 · (1 - sqrt(gap / window)) · window / (window + half of both intervals)``;
    - words: ``12 · (likeness - 0.15)``, at least -2 and at most 3, of the descriptions. Words that many reports
      of the category use say less: at most ``ln(1 / share of the reports with these very words)``. Where one
      has no description, the words for the place say a little, -0.5 to 0.5;
    - photos: +4 where at most 8 of 64 bits differ, +1.5 up to 12; other photos say nothing;
    - numbers: -6 where both name a door, building, unit, room or plate and the numbers differ, +1 where they
      are the same;
    - one reporter: within 15 m and not in other words, +1 within 10 minutes (sent twice); farther or in other
      words, -4 within 12 hours (somebody on a round tells of several things). Otherwise it says nothing;
    - -1 where the categories of a family differ.

    Parameters
    ----------
    reports
        ``report_id`` (each once), ``category``, ``time``, ``time_until`` (NaT: an instant), ``lon, lat`` (WGS-84),
        ``radius_m`` (NaN: as good as exact), ``place``, ``description``, ``reporter``, ``origin``; others are not looked at.
    rules, default
        By category, and of all others.
    new
        One flag per report: only pairs with at least one of these. ``None``: all pairs.
    likeness
        ``report_id`` to the 64 bits of its photo, for those that have one.
    least_score
        Of the pairs returned.
    on_progress
        Called before each category or family; an exception from it stops the search.

    Returns
    -------
    DataFrame
        ``DUPLICATE_PAIRS``, each pair once, the likeliest first. ``first`` is one that is not new, else the
        earlier, else the smaller number. Its ``attrs`` say what was left out in crowded places: ``crowded``
        (reports with more than 20 others in reach, of which only the nearest were compared), ``not_compared``
        (the others of these, counted from each report's side) and ``not_offered`` (pairs beyond the 8 likeliest
        of both of their reports).

    Raises
    ------
    BadTableError
        If a column is missing, a ``report_id`` stands twice, or ``new`` is of another length.
    """
    rows = _Rows.of(reports, rules, default, new, likeness or {})
    counts = {"crowded": 0, "not_compared": 0}
    found = [_Pairs.none()]
    done, total = 0, len(rows.report_id)
    for members in rows.families():
        if on_progress is not None:
            on_progress(Progress("Comparing reports", done, total, done))
            done += len(members)
        one, other = _candidates(rows, members, counts)
        if one.size:
            found.append(_judge(rows, members, one, other, least_score))
    pairs = _Pairs.joined(found)
    offered = pairs.likeliest()
    table = DUPLICATE_PAIRS.check(offered.table(rows))
    table.attrs = {**counts, "not_offered": len(pairs.one) - len(table)}
    return table


@dataclass(frozen=True)
class _Rows:
    """Reports as arrays, in the one order that does not depend on that of the table: by time and number."""

    report_id: Ints
    category: Ints
    names: tuple[str, ...]
    rules: tuple[DuplicateRule, ...]  # by the code in ``category``
    found: Flags  # by a patrol
    x: Floats
    y: Floats
    blur_m: Floats  # the place is known to this
    middle_h: Floats  # of the interval, since the first
    half_h: Floats  # of the interval
    reporter: Ints  # 0: nobody
    photo: NDArray[np.uint64]
    has_photo: Flags
    new: Flags
    only_new: bool
    place: Any
    description: Any

    @classmethod
    def of(
        cls,
        reports: Any,
        rules: Mapping[str, DuplicateRule],
        default: DuplicateRule,
        new: Any,
        likeness: Mapping[int, int],
    ) -> _Rows:
        for name in COLUMNS:
            if name not in reports.columns:
                raise BadTableError(table="reports", detail=f"column {name} is missing")
        ids = reports["report_id"].to_numpy(np.int64)
        if len(np.unique(ids)) != len(ids):
            raise BadTableError(table="reports", detail="a report_id stands twice")
        fresh = np.ones(len(ids), dtype=bool) if new is None else np.asarray(new, dtype=bool)
        if len(fresh) != len(ids):
            raise BadTableError(table="reports", detail="new is of another length")
        time = reports["time"].to_numpy("datetime64[s]")
        lon, lat = reports["lon"].to_numpy(np.float64), reports["lat"].to_numpy(np.float64)
        order = np.lexsort((ids, time))
        order = order[np.isfinite(lon[order]) & np.isfinite(lat[order]) & ~np.isnat(time[order])]
        table = reports.iloc[order]
        ids, time, lon, lat = ids[order], time[order], lon[order], lat[order]
        x = y = np.empty(0)
        if len(ids):
            x, y = local_metres(float(np.median(lon)), float(np.median(lat))).forward(lon, lat)
        until = table["time_until"].to_numpy("datetime64[s]")
        seconds = time.astype(np.int64) - (time[0].astype(np.int64) if len(time) else 0)
        span = np.where(np.isnat(until), 0, until.astype(np.int64) - time.astype(np.int64)) / 3600.0
        half = np.clip(span, 0.0, MOST_SPAN_H) / 2
        category, names = pd.factorize(table["category"].to_numpy(dtype=object), sort=True)
        reporter, people = pd.factorize(table["reporter"].to_numpy(dtype=object))
        nobody = np.array([not person for person in people], dtype=bool)
        photo = [likeness.get(int(number)) for number in ids] if likeness else [None] * len(ids)
        blur = table["radius_m"].to_numpy(np.float64)
        return cls(
            report_id=ids,
            category=category.astype(np.int64),
            names=tuple(str(name) for name in names),
            rules=tuple(rules.get(str(name), default) for name in names),
            found=(table["origin"] == "found").to_numpy(dtype=bool),
            x=x,
            y=y,
            blur_m=np.where(np.isfinite(blur), np.maximum(blur, 0.0), 0.0),
            middle_h=seconds / 3600.0 + half,
            half_h=half,
            reporter=np.where(nobody[reporter], 0, reporter + 1) if len(people) else reporter,
            photo=np.array([(bits or 0) & 0xFFFF_FFFF_FFFF_FFFF for bits in photo], dtype=np.uint64),
            has_photo=np.array([bits is not None for bits in photo], dtype=bool),
            new=fresh[order],
            only_new=new is not None,
            place=arrow_text(table["place"]),
            description=arrow_text(table["description"]),
        )

    def families(self) -> Iterator[Ints]:
        """Yield the rows that are compared among one another."""
        keys = [
            (0, rule.family) if rule.family else (1, name)
            for rule, name in zip(self.rules, self.names, strict=True)
        ]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        family = np.array([numbers[key] for key in keys], dtype=np.int64)
        group = family[self.category] * 2 + self.found if len(self.category) else self.category
        order = np.argsort(group, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            if len(members) > 1 and self.new[members].any():
                yield members

    def of_rules(self, name: str, rows: Ints) -> Floats:
        """Return a number of the rule of each row."""
        return np.array([getattr(rule, name) for rule in self.rules], dtype=np.float64)[self.category[rows]]


@dataclass(frozen=True)
class _Pairs:
    """Pairs of rows with what was found of them."""

    one: Ints
    other: Ints
    distance_m: Floats
    gap_h: Floats
    text_likeness: Floats
    photo_likeness: Floats
    score: Floats
    reasons: Ints  # a bit for each of _REASONS

    @classmethod
    def none(cls) -> _Pairs:
        whole, part = np.empty(0, dtype=np.int64), np.empty(0)
        return cls(whole, whole, part, part, part, part, part, whole)

    @classmethod
    def joined(cls, parts: Sequence[_Pairs]) -> _Pairs:
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def take(self, which: Any) -> _Pairs:
        return _Pairs(*(getattr(self, each.name)[which] for each in fields(self)))

    def likeliest(self) -> _Pairs:
        """Return, likeliest first, the pairs that are among the best of one of their reports."""
        if not len(self.one):
            return self
        pairs = self.take(np.lexsort((self.other, self.one, -self.score)))
        both = pd.Series(np.column_stack([pairs.one, pairs.other]).ravel())
        rank = both.groupby(both, sort=False).cumcount().to_numpy().reshape(-1, 2).min(axis=1)
        return pairs.take(rank < MOST_OFFERED)

    def table(self, rows: _Rows) -> pd.DataFrame:
        first, second = self.one, self.other  # rows are ordered by time, then by number
        turned = rows.new[first] & ~rows.new[second]
        first, second = np.where(turned, second, first), np.where(turned, first, second)
        words = np.array(
            [
                ";".join(code for bit, code in enumerate(_REASONS) if value >> bit & 1)
                for value in range(1 << len(_REASONS))
            ],
            dtype=object,
        )
        return pd.DataFrame(
            {
                "first": rows.report_id[first],
                "second": rows.report_id[second],
                "distance_m": self.distance_m,
                "gap_h": self.gap_h,
                "text_likeness": self.text_likeness,
                "photo_likeness": self.photo_likeness,
                "score": self.score,
                "reason": pd.array(words[self.reasons], dtype="str"),
            }
        )


#: Codes of what speaks for a pair, and of what makes it less sure.
_REASONS = (
    "near",
    "soon",
    "same_words",
    "same_number",
    "same_photo",
    "like_photo",
    "sent_twice",
    "same_reporter",
    "other_category",
    "rough_place",
    "rough_time",
)


def groups_of(
    pairs: Any,
    reports: Any = None,
    *,
    rules: Mapping[str, DuplicateRule] | None = None,
    default: DuplicateRule = DEFAULT_RULE,
) -> tuple[tuple[int, ...], ...]:
    """Return the reports that a person should see together: the three or four tellers of one incident.

    The likeliest pairs join first, and two groups join only when each report of the one fits each of the
    other, so that a row of things along a street does not become one. A report is in one group only; a pair
    that joins no group stays to be asked by itself.

    Parameters
    ----------
    pairs
        ``DUPLICATE_PAIRS``.
    reports, rules, default
        As for :func:`find_duplicates`. Two reports that are no pair fit when they are within radius and window
        of their rule; without ``reports``, only pairs fit.

    Returns
    -------
    tuple
        ``report_id`` of each group in ascending order, the group with the likeliest pair first.

    Raises
    ------
    BadTableError
        As :func:`find_duplicates`.
    """
    joined = set(zip(pairs["first"].tolist(), pairs["second"].tolist(), strict=True))
    rows = None if reports is None else _Rows.of(reports, rules or {}, default, None, {})
    place = {} if rows is None else {int(number): row for row, number in enumerate(rows.report_id)}

    def fit(one: int, other: int) -> bool:
        if (one, other) in joined or (other, one) in joined:
            return True
        if rows is None or one not in place or other not in place:
            return False
        sides = np.array([place[one]]), np.array([place[other]])
        return bool(_closeness(rows, *sides).inside[0] and _compare_numbers(rows, *sides)[0] >= 0)

    group: dict[int, list[int]] = {}
    order = np.lexsort((pairs["second"], pairs["first"], -pairs["score"].to_numpy()))
    for first, second in pairs[["first", "second"]].to_numpy()[order].tolist():
        left, right = group.setdefault(first, [first]), group.setdefault(second, [second])
        if left is not right and all(fit(one, other) for one in left for other in right):
            left.extend(right)
            group.update(dict.fromkeys(right, left))
    seen = {id(members): members for members in group.values() if len(members) > 1}
    return tuple(tuple(sorted(members)) for members in seen.values())


# -- who is near whom --------------------------------------------------------------------------------


def _candidates(rows: _Rows, members: Ints, counts: dict[str, int]) -> tuple[Ints, Ints]:
    """Return pairs of rows that are near and soon enough, each once, the smaller row first.

    Distance and time are scaled so that the farthest of interest is 1, and a tree is asked for the nearest of
    each row. Rows known roughly reach farther than others: they ask by themselves, in classes of like reach.
    """
    radius, window = rows.of_rules("radius_m", members), rows.of_rules("window_h", members)
    blur, half = rows.blur_m[members], rows.half_h[members]
    widest, longest = float(radius.max()), float(window.max())
    exact_m, exact_h = radius / np.sqrt(2.0), _FINE_SPAN_H / 2  # two such are not apart by more than the rule
    rough = np.ceil(2 * np.log2(np.maximum(blur / exact_m, 1.0))).astype(np.int64)
    long = np.ceil(2 * np.log2(np.maximum(half / exact_h, 1.0))).astype(np.int64)
    kind = rough * 64 + long
    fresh = rows.new[members]
    pairs = []
    for one_kind in np.unique(kind):
        asking = kind == one_kind
        if one_kind == 0:
            reach_m, reach_h = widest, longest + 2 * float(half[asking].max())
            sides = [(asking & fresh, asking)]  # with a rough one: found from its side
        else:
            most = float(np.hypot(blur[asking].max(), blur.max()))
            reach_m = max(widest, min(most, widest + MOST_SLACK_M))
            reach_h = longest + float(half[asking].max() + half.max())
            everyone = np.ones(len(members), dtype=bool)
            sides = [(asking & fresh, everyone)] + ([(asking & ~fresh, fresh)] if rows.only_new else [])
        for askers, asked in sides:
            pairs.append(_nearest(rows, members[askers], members[asked], reach_m, reach_h, counts))
    one = np.concatenate([pair[0] for pair in pairs])
    other = np.concatenate([pair[1] for pair in pairs])
    once = np.unique(np.minimum(one, other) * len(rows.report_id) + np.maximum(one, other))
    return once // len(rows.report_id), once % len(rows.report_id)


def _nearest(
    rows: _Rows, askers: Ints, asked: Ints, reach_m: float, reach_h: float, counts: dict[str, int]
) -> tuple[Ints, Ints]:
    """Return, for each asker, the nearest of the asked within reach."""
    if not askers.size or not asked.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def scaled(which: Ints) -> Floats:
        # rows on one spot at one time differ by a trifle, else the tree could not part them
        late = rows.middle_h[which] / reach_h + which * 1e-10
        return np.column_stack([rows.x[which] / reach_m, rows.y[which] / reach_m, late])

    tree, points = cKDTree(scaled(asked)), scaled(askers)
    most = min(MOST_COMPARED + 1, len(asked))
    bound = 1.0 + 1e-4
    way, place = tree.query(points, k=[*range(1, most + 1)], p=np.inf, distance_upper_bound=bound)
    near = np.isfinite(way)
    row, column = np.nonzero(near)
    one, other = askers[row], asked[place[row, column]]
    full = near.all(axis=1) & (most < len(asked))
    if full.any():
        within = int(tree.count_neighbors(cKDTree(points), bound, p=np.inf))
        counts["crowded"] += int(full.sum())
        counts["not_compared"] += within - len(one)
    apart = one != other
    return one[apart], other[apart]


# -- what speaks for a pair --------------------------------------------------------------------------


def _judge(rows: _Rows, members: Ints, one: Ints, other: Ints, least_score: float) -> _Pairs:
    """Return the pairs that are within the rule and reach the score."""
    least_points = float(np.log(least_score / (1 - least_score))) if 0 < least_score < 1 else -np.inf
    place = _closeness(rows, one, other)
    keep = place.inside & (place.points + _MOST_FROM_REST >= least_points)
    one, other, place = one[keep], other[keep], place.take(keep)
    told, likeness, words = _compare_words(rows, members, one, other)
    photo, photo_points = _compare_photos(rows, one, other)
    numbers = _compare_numbers(rows, one, other)
    same_person = (rows.reporter[one] != 0) & (rows.reporter[one] == rows.reporter[other])
    same_thing = (place.distance_m <= _SENT_TWICE_M) & ~(told < _SAME_WORDS)
    twice = same_person & same_thing & (place.gap_h <= _SENT_TWICE_H)
    on_a_round = same_person & ~same_thing & (place.gap_h <= _ROUND_H)
    other_kind = rows.category[one] != rows.category[other]
    points = place.points + words + photo_points
    points = points + np.select([numbers > 0, numbers < 0], [_SAME_NUMBER, _OTHER_NUMBER], 0.0)
    points = points + np.select([twice, on_a_round], [_SENT_TWICE, _ON_A_ROUND], 0.0)
    points = points + np.where(other_kind, _OTHER_CATEGORY, 0.0)
    least_words = np.maximum(rows.of_rules("least_words", one), rows.of_rules("least_words", other))
    enough = (least_words == 0) | (told >= least_words) | (photo_points == _SAME_PHOTO)
    flags = {
        "near": place.distance_m <= place.radius_m / 2,
        "soon": place.gap_h <= place.window_h / 4,
        "same_words": told >= _SAME_WORDS,
        "same_number": numbers > 0,
        "same_photo": photo_points == _SAME_PHOTO,
        "like_photo": photo_points == _LIKE_PHOTO,
        "sent_twice": twice,
        "same_reporter": same_person & ~twice,
        "other_category": other_kind,
        "rough_place": place.reach_m > place.radius_m,
        "rough_time": place.span_h >= _FINE_SPAN_H / 2,
    }
    reasons = sum(
        (flags[code].astype(np.int64) << bit for bit, code in enumerate(_REASONS)),
        np.zeros(len(one), np.int64),
    )
    score = 1.0 / (1.0 + np.exp(-points))
    pairs = _Pairs(one, other, place.distance_m, place.gap_h, likeness, photo, score, reasons)
    return pairs.take(enough & (points >= least_points))


#: What words, photo, numbers and reporter can add at most to the points of place and time.
_MOST_FROM_REST = _LIKE_WORDS + _SAME_PHOTO + _SAME_NUMBER + _SENT_TWICE


@dataclass(frozen=True)
class _Closeness:
    distance_m: Floats
    gap_h: Floats
    span_h: Floats  # half of both intervals
    radius_m: Floats
    window_h: Floats
    reach_m: Floats
    points: Floats

    @property
    def inside(self) -> Flags:
        return np.asarray((self.distance_m <= self.reach_m) & (self.gap_h <= self.window_h))

    def take(self, which: Any) -> _Closeness:
        return _Closeness(*(getattr(self, each.name)[which] for each in fields(self)))


def _closeness(rows: _Rows, one: Ints, other: Ints) -> _Closeness:
    radius = np.minimum(rows.of_rules("radius_m", one), rows.of_rules("radius_m", other))
    window = np.minimum(rows.of_rules("window_h", one), rows.of_rules("window_h", other))
    distance = np.hypot(rows.x[one] - rows.x[other], rows.y[one] - rows.y[other])
    blur = np.hypot(rows.blur_m[one], rows.blur_m[other])
    reach = np.maximum(radius, np.minimum(blur, radius + MOST_SLACK_M))
    span = rows.half_h[one] + rows.half_h[other]
    gap = np.maximum(np.abs(rows.middle_h[one] - rows.middle_h[other]) - span, 0.0)
    near = (1 - (distance / reach) ** 2) * np.sqrt(radius / reach)
    soon = (1 - np.sqrt(gap / window)) * window / (window + span)
    points = _BASE + _NEAR * near + _SOON * soon
    return _Closeness(distance, gap, span, radius, window, reach, points)


def _compare_photos(rows: _Rows, one: Ints, other: Ints) -> tuple[Floats, Floats]:
    """Return likeness of the photos, NaN where one has none, and points."""
    bits = np.bitwise_count(rows.photo[one] ^ rows.photo[other]).astype(np.float64)
    both = rows.has_photo[one] & rows.has_photo[other]
    likeness = np.where(both, np.maximum(1 - bits / _UNLIKE_PHOTO_BITS, 0.0), np.nan)
    points = np.select(
        [both & (bits <= _SAME_PHOTO_BITS), both & (bits <= _LIKE_PHOTO_BITS)],
        [_SAME_PHOTO, _LIKE_PHOTO],
        0.0,
    )
    return likeness, points


# -- numbers of doors, buildings, plates -------------------------------------------------------------

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE = re.compile(r"[零〇一二两三四五六七八九十百]+(?=号|幢|栋|单元|室|楼|弄)")
#: Of one kind each: two different ones are two places, whatever the metres say.
_NUMBERS = (
    re.compile(r"(?<![\da-z])(\d{1,5})\s*(?:号楼|幢|栋|座)"),
    re.compile(r"(?<![\da-z])(\d{1,5})\s*号(?!楼|线|店|机|车|岗|门岗)"),
    re.compile(r"(?<![\da-z])(\d{1,3})\s*单元"),
    re.compile(r"(?<![\da-z])(\d{3,4})\s*室"),
    re.compile(r"(?<![\da-z])(\d{1,4})\s*弄"),
    re.compile(r"(?<![\da-z])(?=[a-z]*\d{2})([a-z\d]{5,8})(?![\da-z])"),  # plates, poles, cards
)


def _compare_numbers(rows: _Rows, one: Ints, other: Ints) -> NDArray[np.int8]:
    """Return 1 where both name a number and it is the same, -1 where one of a kind differs, else 0."""
    verdict = np.zeros(len(one), dtype=np.int8)
    if not one.size:
        return verdict
    members, sides = np.unique(np.concatenate([one, other]), return_inverse=True)
    chosen = pa.array(members)
    texts = pc.binary_join_element_wise(
        rows.place.take(chosen), rows.description.take(chosen), pa.scalar("\n", pa.large_string())
    )
    kinds, which = different(pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC")))
    named = np.array([_numbers_of(text) for text in kinds.to_pylist()], dtype=np.int64)[which][sides]
    left, right = named[: len(one)], named[len(one) :]
    both = (left != 0) & (right != 0)
    verdict[(both & (left == right)).any(axis=1)] = 1
    verdict[(both & (left != right)).any(axis=1)] = -1
    return verdict


def _numbers_of(text: str) -> list[int]:
    """Return one number for each kind of _NUMBERS, 0 where the text names none or several."""
    if not re.search(r"\d", text) and not _CHINESE.search(text):
        return [0] * len(_NUMBERS)
    plain = _CHINESE.sub(lambda match: str(_value(match[0])), text)
    numbers = []
    for pattern in _NUMBERS:
        found = set(pattern.findall(plain))
        only = found.pop() if len(found) == 1 else ""
        # a number is itself, anything else its letters as a number of base 36
        numbers.append((int(only) + 1 if only.isdigit() else int(only, 36) + 1) if only else 0)
    return numbers


def _value(numeral: str) -> int:
    """Return a Chinese numeral below a thousand, also one spelled digit by digit (一〇二)."""
    if not set(numeral) & set("十百"):
        return int("".join(str(_DIGITS[each]) for each in numeral))
    total, digit = 0, 0
    for each in numeral:
        if each in "十百":
            total, digit = total + max(digit, 1) * (10 if each == "十" else 100), 0
        else:
            digit = _DIGITS[each]
    return total + digit


# -- words -------------------------------------------------------------------------------------------


def _plain(text: Any, keep: str = "") -> Any:
    """Return texts as they are compared: half-width, lower case, only letters and digits."""
    folded = pc.utf8_lower(pc.utf8_normalize(text, form="NFKC"))
    return pc.replace_substring_regex(folded, rf"[^\p{{L}}\p{{N}}{keep}]+", "")


def _compare_words(rows: _Rows, members: Ints, one: Ints, other: Ints) -> tuple[Floats, Floats, Floats]:
    """Return likeness of the descriptions, of these or else the places' words (NaN: there are none), and points.

    Where one does not say what it is, the words for the place are compared; they say little, because the
    distance has been counted already.
    """
    place = np.full(len(rows.report_id), -1)
    place[members] = np.arange(len(members))
    left, right = place[one], place[other]
    chosen = pa.array(members)
    told, most = _likeness(_bare(rows.description.take(chosen), _stop_words(rows, members)), left, right)
    where, _ = _likeness(_plain(rows.place.take(chosen)), left, right)
    said = np.isfinite(told)
    points = np.minimum(np.clip(_WORDS * (told - _WORDS_EVEN), _UNLIKE_WORDS, _LIKE_WORDS), most)
    points = np.where(said, points, np.where(np.isfinite(where), _PLACE_WORDS * (2 * where - 1), 0.0))
    return told, np.where(said, told, where), points


#: Other words for the same, and what is said out of courtesy.
_SAME_MEANING = (
    (r"电动自行车|电动摩托车|电动三轮车|电瓶车|电驴|小电驴", "电动车"),
    (r"窨井盖|阴井盖|下水道盖|下水井盖", "井盖"),
    (r"篦子", "箅子"),
    (r"插线板|接线板|拖线板|插排|排插", "插座"),
    (r"垃圾箱", "垃圾桶"),
    (r"坑洞|坑槽|坑洼|深坑|大坑", "坑"),
    (r"拾到|拾得|捡到|捡得|有人捡", "拾"),
    (r"遗失|丢失|丢了|掉了|不见了|没了", "失"),
    (r"被盗|被偷走?|失窃", "偷"),
    (r"着火了?|起火了?|烧起来了?", "火"),
    (
        r"请?(?:尽快|及时|派人|帮忙|有关部门|相关部门)*(?:处理|维修|解决|查看|协助)(?:一下)?|已?拍照(?:取证)?|谢谢|麻烦",
        "",
    ),
)


def _bare(text: Any, stop: str) -> Any:
    """Return descriptions with the same word for the same thing, and without words that say nothing."""
    plain = _plain(text)
    for pattern, word in _SAME_MEANING:
        plain = pc.replace_substring_regex(plain, pattern, word)
    return pc.replace_substring_regex(plain, stop, "") if stop else plain


def _stop_words(rows: _Rows, members: Ints) -> str:
    words = {word for code in np.unique(rows.category[members]) for word in rows.rules[code].words}
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def _likeness(texts: Any, left: Ints, right: Ints) -> tuple[Floats, Floats]:
    """Compare texts by the characters they share, alone and two in a row, rare ones weighing more.

    Likeness is the weight shared, by the geometric mean of both weights. The second result is the logarithm of how
    much rarer than always the commoner of the two texts is among all.
    """
    if not left.size:
        return np.empty(0), np.empty(0)
    kinds, which = different(texts)
    counts = np.bincount(which, minlength=len(kinds))
    grams, columns = _grams(kinds)
    often = grams.T @ counts
    weight = np.log(1 + len(which) / np.maximum(often, 1)) * columns
    total = grams @ weight
    scale = np.divide(1.0, np.sqrt(total), out=np.zeros(len(total)), where=total > 0)
    weighted = csr_array(grams.multiply(np.sqrt(weight)[None, :]).multiply(scale[:, None]))
    asked, back = np.unique(which[left] * len(kinds) + which[right], return_inverse=True)
    shared = np.empty(len(asked))
    for start in range(0, len(asked), _TEXT_SLAB):
        slab = slice(start, start + _TEXT_SLAB)
        product = weighted[asked[slab] // len(kinds)].multiply(weighted[asked[slab] % len(kinds)])
        shared[slab] = product.sum(axis=1)
    likeness = np.clip(shared, 0.0, 1.0)[back]
    likeness[(total[which[left]] == 0) | (total[which[right]] == 0)] = np.nan
    others = np.maximum(np.maximum(counts[which[left]], counts[which[right]]) - 2, 0)
    return likeness, -np.log((others + 1) / (len(which) + 10))


def _grams(kinds: Any) -> tuple[csr_array, Floats]:
    """Return which text holds which characters and neighbours (0 or 1), and the weight of each column."""
    lengths = pc.utf8_length(kinds).to_numpy(zero_copy_only=False).astype(np.int64)
    letters = np.frombuffer("".join(kinds.to_pylist()).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    text = np.repeat(np.arange(len(lengths)), lengths)
    inside = text[1:] == text[:-1]
    gram = np.concatenate([letters, (letters[:-1][inside] << 21) + letters[1:][inside]])
    owner = np.concatenate([text, text[1:][inside]])
    codes, column = np.unique(gram, return_inverse=True)
    cells = np.unique(owner * max(len(codes), 1) + column)
    shape = (len(lengths), len(codes))
    row, column = cells // max(len(codes), 1), cells % max(len(codes), 1)
    held = csr_array((np.ones(len(cells)), (row, column)), shape=shape)
    return held, np.where(codes < 1 << 21, _SINGLE, 1.0)
