"""The same incident told by several people: which pairs of reports a person should look at.

Nothing is merged here. A pair is offered when both reports are of one kind and it is likelier that two people
told of one thing there and then than that two things of the kind happened side by side. How often the latter
happens is counted in the reports themselves: two in a place with one report a month are one incident far
likelier than two in a hot spot with ten a day.

Radius and window of each category are defaults of our own, by what the thing is: a hole in the road stays for
weeks and is seen by all who pass, water is gone the next day. The town may state others
(``[duplicates.RD1]`` in ``town.toml``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
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


#: Facts of which a difference speaks against a pair. ``door``: numbers of doors, buildings, units and rooms;
#: ``storey``; ``plate``: of plates, poles and cards; ``colour``; ``sex``: for men or for women; ``thing``: what
#: was stolen or lost, and its make.
FACTS = ("door", "storey", "plate", "colour", "sex", "thing")


@dataclass(frozen=True)
class DuplicateRule:
    """When two reports of a category may tell of one incident.

    Parameters
    ----------
    radius_m
        As far apart as two people place one thing, in 19 cases of 20, when both places are exact. Wider by the
        roughness of both places.
    window_h
        As long as people go on telling of it, in hours, in 19 cases of 20.
    tellings
        Others who tell of the same incident, on average, for one report.
    beside
        Other incidents of the kind within radius and window of one, on average, beyond what the density of
        reports lets expect: what happens in series (thefts in a row of parked bikes) or stands side by side.
    facts
        Of :data:`FACTS`: what cannot differ between two who tell of one incident. A hole in the road has no
        door, and each names the one he saw.
    family
        Categories of one family are compared with one another too; ``""``: only with itself.
    words
        Say nothing in this category, because every report of it says them.
    """

    radius_m: float
    window_h: float
    tellings: float = 0.5
    beside: float = 0.25
    facts: tuple[str, ...] = ("door", "storey", "plate", "colour", "sex")
    family: str = ""
    words: tuple[str, ...] = ()


_DAY_H = 24.0
_OUTDOORS = ("plate", "colour", "sex")
_STOLEN, _LOST = FACTS, ("plate", "colour", "sex", "thing")
#: Of categories without a rule of their own.
DEFAULT_RULE = DuplicateRule(60.0, 7 * _DAY_H)
#: By the codes of the taxonomy that a new town begins with. 60 m: two telephones in a street, some 15 m off
#: each way, and two people who stand at either side of the thing.
DEFAULT_RULES: Mapping[str, DuplicateRule] = {
    "FW1": DuplicateRule(60.0, 14 * _DAY_H, family="wires"),  # one building, until somebody takes it down
    "FW2": DuplicateRule(60.0, 14 * _DAY_H, family="wires"),
    "FW3": DuplicateRule(60.0, 7 * _DAY_H, family="wires"),  # other bikes stand there, and it is one nuisance
    "FW4": DuplicateRule(60.0, 14 * _DAY_H),
    "FR1": DuplicateRule(150.0, 12.0, facts=_OUTDOORS),  # smoke is seen from afar, and not for long
    "RD1": DuplicateRule(60.0, 45 * _DAY_H, facts=_OUTDOORS, family="road"),  # until it is mended
    "RD2": DuplicateRule(60.0, 30 * _DAY_H, facts=_OUTDOORS, family="road"),
    "RD3": DuplicateRule(150.0, 36.0, facts=_OUTDOORS),  # water spreads, and is gone the next day
    "RD4": DuplicateRule(80.0, 7 * _DAY_H, facts=_OUTDOORS),
    "RD5": DuplicateRule(60.0, 21 * _DAY_H, facts=_OUTDOORS),
    # told by the owner, by kin, by the guard; who finds it gone names any of the places it may have stood
    "TH1": DuplicateRule(80.0, 3 * _DAY_H, beside=0.5, facts=_STOLEN),
    "TH2": DuplicateRule(80.0, 3 * _DAY_H, beside=0.5, facts=_STOLEN),
    "TH3": DuplicateRule(80.0, 3 * _DAY_H, beside=0.5, facts=_STOLEN),
    "TH4": DuplicateRule(80.0, 3 * _DAY_H, beside=0.5, facts=_STOLEN),
    "LF1": DuplicateRule(250.0, 3 * _DAY_H, beside=0.5, facts=_LOST),  # lost somewhere on the way
    "EN1": DuplicateRule(100.0, 14 * _DAY_H, family="enterprise"),
    "EN2": DuplicateRule(100.0, 14 * _DAY_H, family="enterprise"),
    "CF1": DuplicateRule(80.0, 7 * _DAY_H),
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
#: a missed one counts an incident twice for good.
QUEUE_SCORE = 0.5
#: A report is compared with so many others at most, the nearest first; in a crowd nobody could say which.
MOST_COMPARED = 20
#: And so many of them are offered at most, the likeliest first.
MOST_OFFERED = 8
#: A place known roughly widens the radius by so much at most; beyond it says nothing of who told what.
MOST_SLACK_M = 250.0
#: An interval counts as no longer than this: who knows only the month does not know the time.
MOST_SPAN_H = 7 * _DAY_H

# Of distances and gaps of one incident, 19 of 20 are within radius and window: exp(-3) = 5 %.
_TAIL = 3.0
#: Of pairs on the very spot at the very time, so many are two things: many places are known by one point.
_ON_ONE_SPOT = 1 / 20
#: A third of the incidents are a spot (a manhole), a third as wide as half the radius, a third as the radius.
_CLOSER = (1, 2, 4)
#: Reports per m² and hour that are expected where nothing of the kind was ever told: one a month and km².
_LEAST_CHANCE = 1e-6 / (30 * _DAY_H)
_FEW_OTHERS = 0.1  # expected within radius and window: worth telling a person
_BURST_EVEN = 5.0  # reports; so many more or fewer at a time say nothing of it
#: Sides of the squares in which reports are counted, in radii.
_SQUARES = (1, 4, 16)
#: Shape of the likeness of one incident's reports: the share of random pairs that are more alike is under x
#: in x ** 0.3 of the cases, so half of them are among the likest tenth.
_ALIKE_SHAPE, _LIKE_WORDS = 0.3, 4.0
#: Random pairs are as alike as so many with an exponential likeness of this mean, until the town has more.
_FEW_PAIRS, _CHANCE_LIKENESS, _RANDOM_PAIRS = 30, 0.1, 20_000
# Points of other evidence, in logits: see find_duplicates.
_SAME_PHOTO, _LIKE_PHOTO = 4.0, 1.5
_SAME_NUMBER, _OTHER_FACT = 1.0, -8.0
_SENT_TWICE, _ON_A_ROUND = 1.0, -8.0
_OTHER_CATEGORY = -1.0
#: Of 64 bits, so few differ between pictures of one view; unlike pictures differ in 32.
_SAME_PHOTO_BITS, _LIKE_PHOTO_BITS, _UNLIKE_PHOTO_BITS = 8, 12, 32
_SENT_TWICE_H, _SENT_TWICE_M, _ROUND_H = 1 / 6, 15.0, 12.0
_SAME_WORDS = 0.6
_SINGLE = 0.5  # weight of a character beside that of two in a row
_FINE_SPAN_H = 24.0
_TEXT_SLAB, _PAIR_SLAB, _GRAM_SLAB = 200_000, 500_000, 20_000


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
        ``window_h``, ``tellings``, ``beside``, ``facts`` and ``family``; what is absent stays as it is.
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
    limits = {
        "radius_m": (1.0, 2_000.0),
        "window_h": (0.1, 8_784.0),
        "tellings": (0.01, 100.0),
        "beside": (0.01, 100.0),
    }
    changed: dict[str, Any] = {}
    for key, value in stated.items():
        if key == "family":
            if not isinstance(value, str):
                raise refuse(".family", value, "a text")
            changed[key] = value
        elif key == "facts":
            if not isinstance(value, list | tuple) or not set(value) <= set(FACTS):
                raise refuse(".facts", value, "a list of " + " / ".join(FACTS))
            changed[key] = tuple(value)
        elif key in limits:
            low, high = limits[key]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise refuse(f".{key}", value, f"a number from {low:g} to {high:g}")
            changed[key] = float(value)
        else:
            raise refuse(f".{key}", value, " / ".join((*limits, "facts", "family")))
    return replace(rule, **changed)


def _parts(word: str) -> list[str]:
    """Return the parts of a category's name that can stand in a description by themselves."""
    marked = unicodedata.normalize("NFKC", re.sub(r"[()/、,，（）·]+", "|", word)).lower()
    plain = "".join(sign for sign in marked if sign.isalnum() or sign == "|")  # as _plain, for a few words
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
    within reach and window. The reach is ``hypot(radius of the rule, radius_m of both)``, by 250 m more than the
    rule's at most. The hours between two reports are those between their intervals, 0 where these overlap. Of
    two categories of a family, the narrower radius and window count, the fewer tellings and the more beside.

    The score is ``1 / (1 + exp(-points))``, which is the probability that the two are one incident, as far as the
    assumptions hold. The points are logarithms of likelihood ratios:

    - place and time: ``-ln((chance + beside · u) / (tellings · f) + 1/20)``, thus 3 at most. ``f`` is how densely the reports of one incident
      lie at this distance and gap: ``3 / (π h²) · exp(-3 · distance² / h²)`` per m², on average of a ``h`` that is
      the ``hypot`` above with the rule's radius, with its half and with its quarter; times
      ``exp(-3 · gap / window) / (2 · window / 3 + both intervals)`` per hour. ``u`` is the same for incidents that
      happen beside one another: even within ``hypot`` and window. ``chance`` is the density of other reports of
      the category around the two, per m² and hour, counted in the reports themselves: the greatest of three
      densities, that of the squares of 3 radii about the report outside of the window, of 12, and of 48 radii,
      each without the smaller one; times the reports of the whole category within a third of the window by those
      expected there, ``(n + 5) / (expected + 5)``; at least one a month and km²;
    - words: ``ln(0.3 · p^-0.7)``, at most 4, where ``p`` is the share of pairs of different incidents whose
      descriptions are at least as alike, counted in pairs drawn at random and among neighbours of the category
      or family. Likeness counts the characters and neighbouring characters shared, rare ones of the category
      more. No word in common is thus worth -1.2 at worst; without a description there are no points;
    - facts: -8 for each fact of the rule (see :data:`FACTS`) that both state and that differs, +1 where a number of
      a door, building, unit, room or plate is the same;
    - photos: +4 where at most 8 of 64 bits differ, +1.5 up to 12; other photos say nothing;
    - one reporter: within 15 m and not in other words, +1 within 10 minutes (sent twice); farther or in other
      words, -8 within 12 hours (somebody on a round tells of several things). Otherwise it says nothing;
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
    "like_words",
    "same_number",
    "same_photo",
    "like_photo",
    "sent_twice",
    "few_others",
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
        return bool(_closeness(rows, *sides).inside[0] and _compare_facts(rows, *sides).points[0] >= 0)

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
    exact_m, exact_h = radius / np.sqrt(2.0), _FINE_SPAN_H / 2
    rough = np.ceil(2 * np.log2(np.maximum(blur / exact_m, 1.0))).astype(np.int64)
    long = np.ceil(2 * np.log2(np.maximum(half / exact_h, 1.0))).astype(np.int64)
    kind = rough * 64 + long
    fresh = rows.new[members]
    pairs = []
    for one_kind in np.unique(kind):
        asking = kind == one_kind
        if one_kind == 0:
            reach_m = float(np.hypot(widest, np.sqrt(2.0) * blur[asking].max()))
            reach_h = longest + 2 * float(half[asking].max())
            sides = [(asking & fresh, asking)]  # with a rough one: found from its side
        else:
            reach_m = float(np.linalg.norm([widest, blur[asking].max(), blur.max()]))
            reach_h = longest + float(half[asking].max() + half.max())
            everyone = np.ones(len(members), dtype=bool)
            sides = [(asking & fresh, everyone)] + ([(asking & ~fresh, fresh)] if rows.only_new else [])
        reach_m = min(reach_m, widest + MOST_SLACK_M)
        for askers, asked in sides:
            pairs.append(_nearest(rows, members[askers], members[asked], reach_m, reach_h, counts))
    one = np.concatenate([pair[0] for pair in pairs])
    other = np.concatenate([pair[1] for pair in pairs])
    once = _distinct(np.minimum(one, other) * len(rows.report_id) + np.maximum(one, other))
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
    words = _Words(rows, members)
    chance = np.zeros(len(rows.report_id))
    asked = _distinct(np.concatenate([one, other]))
    chance[asked] = _chance(rows, members, asked)
    slabs = range(0, len(one), _PAIR_SLAB)
    return _Pairs.joined(
        [
            _judge_slab(
                rows, words, chance, one[at : at + _PAIR_SLAB], other[at : at + _PAIR_SLAB], least_points
            )
            for at in slabs
        ]
    )


def _judge_slab(
    rows: _Rows, words: _Words, chance: Floats, one: Ints, other: Ints, least_points: float
) -> _Pairs:
    place = _closeness(rows, one, other, chance)
    photo, photo_points = _compare_photos(rows, one, other)
    points = _place_points(rows, place, chance, one, other) + photo_points
    same_person = (rows.reporter[one] != 0) & (rows.reporter[one] == rows.reporter[other])
    most = _LIKE_WORDS + np.where(same_person, _SENT_TWICE, 0.0)  # what is not known yet can add

    # what is dear to compare is compared only where it can still lift a pair over the threshold
    keep = np.flatnonzero(place.inside & (points + most + _SAME_NUMBER >= least_points))
    facts = _compare_facts(rows, one[keep], other[keep])
    likely = points[keep] + facts.points + most[keep] >= least_points
    keep, facts = keep[likely], facts.take(likely)
    one, other, place, photo, photo_points, same_person = (
        one[keep],
        other[keep],
        place.take(keep),
        photo[keep],
        photo_points[keep],
        same_person[keep],
    )
    told, likeness, word_points = words.compare(one, other)

    same_thing = (place.distance_m <= _SENT_TWICE_M) & ~(told < _SAME_WORDS)
    twice = same_person & same_thing & (place.gap_h <= _SENT_TWICE_H)
    on_a_round = same_person & ~same_thing & (place.gap_h <= _ROUND_H)
    other_kind = rows.category[one] != rows.category[other]
    points = points[keep] + facts.points + word_points
    points = points + np.select([twice, on_a_round], [_SENT_TWICE, _ON_A_ROUND], 0.0)
    points = points + np.where(other_kind, _OTHER_CATEGORY, 0.0)
    flags = {
        "near": place.distance_m <= place.reach_m / 2,
        "soon": place.gap_h <= place.window_h / 4,
        "same_words": told >= _SAME_WORDS,
        "like_words": (word_points > 0) & (told < _SAME_WORDS),
        "same_number": facts.same_number,
        "same_photo": photo_points == _SAME_PHOTO,
        "like_photo": photo_points == _LIKE_PHOTO,
        "sent_twice": twice,
        "few_others": place.chance <= _FEW_OTHERS,
        "same_reporter": same_person & ~twice,
        "other_category": other_kind,
        "rough_place": place.reach_m > np.sqrt(2.0) * place.radius_m,
        "rough_time": place.span_h >= _FINE_SPAN_H / 2,
    }
    # a pair that only its quiet surroundings speak for says so, also where these are not so quiet
    silent = ~np.any([flags[code] for code in _REASONS[: _REASONS.index("few_others")]], axis=0)
    flags["few_others"] |= silent & (place.chance <= 1.0)
    reasons = sum(
        (flags[code].astype(np.int64) << bit for bit, code in enumerate(_REASONS)),
        np.zeros(len(one), np.int64),
    )
    score = 1.0 / (1.0 + np.exp(-points))
    pairs = _Pairs(one, other, place.distance_m, place.gap_h, likeness, photo, score, reasons)
    return pairs.take(points >= least_points)


@dataclass(frozen=True)
class _Closeness:
    distance_m: Floats
    gap_h: Floats
    span_h: Floats  # half of both intervals
    radius_m: Floats
    window_h: Floats
    spread_m: Floats  # the radius, widened by how roughly both places are known
    reach_m: Floats  # so far are pairs looked for
    chance: Floats  # others expected within radius and window

    @property
    def inside(self) -> Flags:
        return np.asarray((self.distance_m <= self.reach_m) & (self.gap_h <= self.window_h))

    def take(self, which: Any) -> _Closeness:
        return _Closeness(*(getattr(self, each.name)[which] for each in fields(self)))


def _closeness(rows: _Rows, one: Ints, other: Ints, chance: Floats | None = None) -> _Closeness:
    radius = np.minimum(rows.of_rules("radius_m", one), rows.of_rules("radius_m", other))
    window = np.minimum(rows.of_rules("window_h", one), rows.of_rules("window_h", other))
    distance = np.hypot(rows.x[one] - rows.x[other], rows.y[one] - rows.y[other])
    spread = np.hypot(radius, np.hypot(rows.blur_m[one], rows.blur_m[other]))
    reach = np.minimum(spread, radius + MOST_SLACK_M)
    span = rows.half_h[one] + rows.half_h[other]
    gap = np.maximum(np.abs(rows.middle_h[one] - rows.middle_h[other]) - span, 0.0)
    density = np.zeros(len(one)) if chance is None else (chance[one] + chance[other]) / 2
    expected = density * np.pi * radius**2 * 2 * window
    return _Closeness(distance, gap, span, radius, window, spread, reach, expected)


def _place_points(rows: _Rows, place: _Closeness, chance: Floats, one: Ints, other: Ints) -> Floats:
    """Return how much likelier one incident is than two at this distance and gap, as a logarithm."""
    tellings = np.minimum(rows.of_rules("tellings", one), rows.of_rules("tellings", other))
    beside = np.maximum(rows.of_rules("beside", one), rows.of_rules("beside", other))
    area = np.pi * place.spread_m**2
    near = np.zeros(len(one))
    for closer in _CLOSER:
        spread = place.spread_m**2 - place.radius_m**2 * (1 - 1 / closer**2)
        near += _TAIL / (np.pi * spread) * np.exp(-_TAIL * place.distance_m**2 / spread) / len(_CLOSER)
    soon = np.exp(-_TAIL * place.gap_h / place.window_h) / (2 * (place.window_h / _TAIL + place.span_h))
    even = 1.0 / (area * 2 * (place.window_h + place.span_h))
    others = (chance[one] + chance[other]) / 2 + beside * even
    return np.asarray(-np.log(others / (tellings * near * soon) + _ON_ONE_SPOT))


# -- how often two things happen side by side by chance ----------------------------------------------


def _chance(rows: _Rows, members: Ints, asked: Ints) -> Floats:
    """Return how many other reports of its category are expected around each row, per m² and hour.

    Reports within window and nearest square of a row may tell of its own incident and are not counted.
    """
    density = np.zeros(len(asked))
    for code in np.unique(rows.category[asked]):
        rule, which = rows.rules[code], rows.category[asked] == code
        own, these = members[rows.category[members] == code], asked[which]
        radius, window = rule.radius_m, rule.window_h
        begin = float(rows.middle_h[own].min())
        total = max(float(rows.middle_h[own].max()) - begin, window)
        squares = [
            [np.floor(side / (radius * times)).astype(np.int64) for side in (rows.x, rows.y)]
            for times in _SQUARES
        ]
        slot = np.floor((rows.middle_h - begin) / window).astype(np.int64)
        inner, middle, outer = (_count_around(square, own, these) for square in squares)
        at_the_time = _count_around([*squares[0], slot], own, these)
        hours = total - _overlap((slot[these] - 1) * window, (slot[these] + 2) * window, total)
        # a square and its eight neighbours
        areas = [9.0 * (radius * times) ** 2 for times in _SQUARES]
        long = hours >= window
        densities = [
            np.where(long, (inner - at_the_time) / (areas[0] * np.where(long, hours, 1.0)), 0.0),
            (middle - inner) / ((areas[1] - areas[0]) * total),
            (outer - middle) / ((areas[2] - areas[1]) * total),
        ]
        times, when, third = np.sort(rows.middle_h[own]) - begin, rows.middle_h[these] - begin, window / _TAIL
        then = np.searchsorted(times, when + third, "right") - np.searchsorted(times, when - third, "left")
        usual = len(own) * _overlap(when - third, when + third, total) / total
        burst = (then + _BURST_EVEN) / (usual + _BURST_EVEN)
        density[which] = np.maximum(np.max(densities, axis=0) * burst, _LEAST_CHANCE)
    return density


def _overlap(start: Floats | Ints, end: Floats | Ints, total: float) -> Floats:
    """Return how much of each span lies between 0 and the total."""
    return np.asarray(np.maximum(np.minimum(end, total) - np.maximum(start, 0.0), 0.0))


def _count_around(cells: Sequence[Ints], own: Ints, asked: Ints) -> Ints:
    """Count the own rows in the cell of each asked row and in the cells that touch it."""
    key, steps = np.zeros(len(cells[0]), dtype=np.int64), np.zeros(1, dtype=np.int64)
    for cell in cells:
        low, high = int(cell[own].min()), int(cell[own].max())
        width = high - low + 3  # a neighbour beyond the border is a cell of its own
        key = key * width + cell - low + 1
        steps = (steps[:, None] * width + np.arange(-1, 2)).ravel()
    known, counts = np.unique(key[own], return_counts=True)
    found = np.zeros(len(asked), dtype=np.int64)
    for step in steps:
        wanted = key[asked] + step
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        found += np.where(known[at] == wanted, counts[at], 0)
    return found


# -- photos ------------------------------------------------------------------------------------------


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


# -- facts that cannot differ ------------------------------------------------------------------------

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE = re.compile(r"[零〇一二两三四五六七八九十百]+(?=号|幢|栋|单元|室|楼|层|弄)")
#: What follows a number of one kind: two different ones are two things, whatever the metres say. The numbers
#: have so many digits.
_NUMBERED = {
    **dict.fromkeys(("号楼", "幢", "栋", "座"), (0, 1, 5)),
    "号": (1, 1, 5),
    "单元": (2, 1, 3),
    "室": (3, 3, 4),
    "弄": (4, 1, 4),
    "楼": (6, 1, 2),
    "层": (6, 1, 2),
}
_NUMBERS = ("door", "door", "door", "door", "door", "plate", "storey")  # the fact that each kind belongs to
_PLATE = 5
_NUMBER = re.compile(r"([a-z\d]+)\s*(号楼|号(?!楼|线|店|机|车|岗|门岗)|幢|栋|座|单元|室|弄|楼|层)?")
_PLATE_SHAPE = re.compile(r"(?=[a-z]*\d{2})[a-z\d]{5,8}")  # of plates, poles, cards
#: Words of one line mean one thing; of a group, two texts differ when they have none in common. A word in two
#: lines may be either.
_WORDS_OF_FACTS = (
    (
        "colour",
        (
            "黑色 深色 灰色 深灰色",
            "白色 银色 银白色 灰色 浅色 米色 米白色",
            "红色 粉色 粉红色 玫红色 大红色 酒红色 橙色 橘色 紫红色",
            "蓝色 深蓝色 天蓝色 青色 浅蓝色",
            "绿色 墨绿色 青色 军绿色",
            "黄色 金色 橙色 橘色 米色 土黄色",
            "紫色 紫红色 粉紫色",
            "棕色 咖啡色 咖色 褐色 酒红色",
        ),
    ),
    ("sex", ("男式 男款 男士 男包 男鞋 男表", "女式 女款 女士 女包 女鞋 女表 女性")),
    (
        "thing",
        (
            "钱包 皮夹 钱夹",
            "手机 电话机",
            "钥匙",
            "身份证",
            "银行卡 信用卡 储蓄卡",
            "公交卡 老年卡 市民卡 社保卡 医保卡",
            "背包 书包 双肩包",
            "手提包 挎包 拎包 单肩包 斜挎包",
            "行李箱 拉杆箱",
            "手表 手环",
            "眼镜 墨镜",
            "雨伞",
            "耳机",
            "电脑 笔记本 平板",
            "戒指 项链 手镯 耳环 首饰",
            "自行车 单车 脚踏车",
            "电动车 电瓶车 电动自行车 电驴 电动摩托车 摩托车 三轮车",
            "电瓶 电池",
            "轿车 面包车 货车 汽车",
        ),
    ),
    (
        "thing",
        [
            "雅迪",
            "爱玛",
            "台铃",
            "新日",
            "小牛",
            "绿源",
            "立马",
            "小刀",
            "金箭",
            "新蕾",
            "九号",
            "捷安特",
            "美利达",
            "凤凰",
            "永久",
            "华为",
            "苹果 iphone",
            "小米 红米",
            "vivo",
            "oppo",
            "荣耀",
            "三星",
        ],
    ),
)
_FACT_BITS: dict[str, list[tuple[int, int]]] = {}
for _group, (_, _lines) in enumerate(_WORDS_OF_FACTS):
    for _bit, _line in enumerate(_lines):
        for _word in _line.split():
            _FACT_BITS.setdefault(_word, []).append((_group, 1 << _bit))
# the longest first: 电瓶车 is no 电瓶
_FACT_WORDS = re.compile("|".join(sorted(map(re.escape, _FACT_BITS), key=lambda word: (-len(word), word))))
_IN_BRACKETS = re.compile(r"[(（\[]([黑白银灰红粉蓝绿黄金橙紫棕])[)）\]]")


@dataclass(frozen=True)
class _Facts:
    points: Floats
    same_number: Flags

    def take(self, which: Any) -> _Facts:
        return _Facts(self.points[which], self.same_number[which])


def _compare_facts(rows: _Rows, one: Ints, other: Ints) -> _Facts:
    """Compare the facts of the rules of both rows, where both state them."""
    points, same = np.zeros(len(one)), np.zeros(len(one), dtype=bool)
    if not one.size:
        return _Facts(points, same)
    members, sides = np.unique(np.concatenate([one, other]), return_inverse=True)
    chosen = pa.array(members)
    texts = pc.binary_join_element_wise(
        rows.place.take(chosen), rows.description.take(chosen), pa.scalar("\n", pa.large_string())
    )
    kinds, which = different(pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC")))
    stated = np.array([_facts_of(text) for text in kinds.to_pylist()], dtype=np.int64)[which][sides]
    left, right = stated[: len(one)], stated[len(one) :]
    both = (left != 0) & (right != 0)
    counting = np.array(
        [
            [fact in rule.facts for fact in (*_NUMBERS, *(fact for fact, _ in _WORDS_OF_FACTS))]
            for rule in rows.rules
        ]
    )
    both &= counting[rows.category[one]] & counting[rows.category[other]]
    numbers, words = slice(0, len(_NUMBERS)), slice(len(_NUMBERS), None)
    numbered = np.array([fact in ("door", "plate") for fact in _NUMBERS])
    other_number = both[:, numbers] & (left != right)[:, numbers]
    same = (both[:, numbers] & (left == right)[:, numbers] & numbered).any(axis=1)
    differs = np.concatenate([other_number, both[:, words] & ((left & right)[:, words] == 0)], axis=1)
    same &= ~(other_number & numbered).any(axis=1)
    points = np.where(same, _SAME_NUMBER, 0.0) + _OTHER_FACT * differs.sum(axis=1)
    return _Facts(points, same)


def _facts_of(text: str) -> list[int]:
    """Return a number for each kind of _NUMBERS, 0 where the text names none or several, and bits of words."""
    bits = [0] * len(_WORDS_OF_FACTS)
    description = _IN_BRACKETS.sub(r"\1色", text.partition("\n")[2])
    for word in _FACT_WORDS.findall(description):
        for group, bit in _FACT_BITS[word]:
            bits[group] |= bit
    if not re.search(r"\d", text) and not _CHINESE.search(text):
        return [0] * len(_NUMBERS) + bits
    plain = _CHINESE.sub(lambda match: str(_value(match[0])), text)
    numbers = [0] * len(_NUMBERS)
    for token, follows in _NUMBER.findall(plain):
        kind, least, most = _NUMBERED.get(follows, (_PLATE, 0, 0))
        if token.isdigit() and least <= len(token) <= most:
            value = int(token) + 1
        elif not follows and _PLATE_SHAPE.fullmatch(token):
            value = int(token, 36) + 1
        else:
            continue
        # -1: several of the kind
        numbers[kind] = value if numbers[kind] in (0, value) else -1
    return [max(value, 0) for value in numbers] + bits


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


def _plain(text: Any) -> Any:
    """Return texts as they are compared: half-width, lower case, only letters and digits."""
    folded = pc.utf8_lower(pc.utf8_normalize(text, form="NFKC"))
    return pc.replace_substring_regex(folded, r"[^\p{L}\p{N}]+", "")


class _Words:
    """What the likeness of two descriptions of a category or family says, by that of pairs of other incidents."""

    def __init__(self, rows: _Rows, members: Ints) -> None:
        self.rows, self.members = rows, members
        self.position = np.full(len(rows.report_id), -1)
        self.position[members] = np.arange(len(members))

    @cached_property
    def _told(self) -> _Likeness:
        texts = self.rows.description.take(pa.array(self.members))
        return _Likeness(_bare(texts, _stop_words(self.rows, self.members)))

    @cached_property
    def _where(self) -> _Likeness:
        return _Likeness(_plain(self.rows.place.take(pa.array(self.members))))

    @cached_property
    def _by_chance(self) -> Floats:
        """Return the likeness of pairs of other incidents, in ascending order: any two, and neighbours."""
        rows, members = self.rows, self.members
        number = len(members)
        side = 4 * float(rows.of_rules("radius_m", members).max())
        column, line = (np.floor(each[members] / side) for each in (rows.x, rows.y))
        orders = (np.random.default_rng(0).permutation(number), np.lexsort((np.arange(number), line, column)))
        every = max(1, number // _RANDOM_PAIRS)
        sides = [
            (order[:-step:every], order[step::every]) for order in orders for step in range(1, min(6, number))
        ]
        left = np.concatenate([members[one[: len(other)]] for one, other in sides])
        right = np.concatenate([members[other] for _, other in sides])
        once = _distinct(np.minimum(left, right) * len(rows.report_id) + np.maximum(left, right))
        left, right = once // len(rows.report_id), once % len(rows.report_id)
        place = _closeness(rows, left, right)
        apart = (place.distance_m > 2 * place.reach_m) | (place.gap_h > 2 * place.window_h)
        alike = self._told.compare(self.position[left[apart]], self.position[right[apart]])
        return np.sort(alike[np.isfinite(alike)])

    def compare(self, one: Ints, other: Ints) -> tuple[Floats, Floats, Floats]:
        """Return likeness of the descriptions, of these or else the places' words (NaN: there are none), and points."""
        if not one.size:
            return np.empty(0), np.empty(0), np.empty(0)
        left, right = self.position[one], self.position[other]
        told, where = self._told.compare(left, right), self._where.compare(left, right)
        said = np.isfinite(told)
        alike, chance = np.where(said, told, 0.0), self._by_chance
        # those that are just as alike count half
        more = (
            len(chance)
            - (np.searchsorted(chance, alike, "left") + np.searchsorted(chance, alike, "right")) / 2
        )
        share = (_FEW_PAIRS * np.exp(-alike / _CHANCE_LIKENESS) + more) / (_FEW_PAIRS + len(chance))
        points = np.log(_ALIKE_SHAPE) - (1 - _ALIKE_SHAPE) * np.log(share)
        return told, np.where(said, told, where), np.where(said, np.minimum(points, _LIKE_WORDS), 0.0)


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


class _Likeness:
    """Compares texts by the characters they share, alone and two in a row, rare ones weighing more.

    Likeness is the weight shared, by the geometric mean of both weights; NaN where a text is empty.
    """

    def __init__(self, texts: Any) -> None:
        kinds, self.which = different(texts)
        counts = np.bincount(self.which, minlength=len(kinds))
        grams, columns = _grams(kinds)
        often = grams.T @ counts
        weight = np.log(1 + len(self.which) / np.maximum(often, 1)) * columns
        self.total = grams @ weight
        scale = np.divide(1.0, np.sqrt(self.total), out=np.zeros(len(self.total)), where=self.total > 0)
        self.weighted = grams
        self.weighted.data *= np.sqrt(weight)[grams.indices]
        self.weighted.data *= np.repeat(scale, np.diff(grams.indptr))

    def compare(self, left: Ints, right: Ints) -> Floats:
        """Return the likeness of texts by their positions."""
        if not left.size:
            return np.empty(0)
        one, other = self.which[left], self.which[right]
        asked, back = np.unique(one * len(self.total) + other, return_inverse=True)
        shared = np.empty(len(asked))
        for start in range(0, len(asked), _TEXT_SLAB):
            slab = slice(start, start + _TEXT_SLAB)
            first, second = np.divmod(asked[slab], len(self.total))
            shared[slab] = self.weighted[first].multiply(self.weighted[second]).sum(axis=1)
        likeness = np.clip(shared, 0.0, 1.0)[back]
        likeness[(self.total[one] == 0) | (self.total[other] == 0)] = np.nan
        return likeness


def _grams(kinds: Any) -> tuple[csr_array, Floats]:
    """Return which text holds which characters and neighbours (0 or 1), and the weight of each column.

    In slabs, so that a million texts need little more than the result.
    """
    slabs = range(0, len(kinds), _GRAM_SLAB)
    codes = _distinct(
        np.concatenate(
            [np.empty(0, np.int64), *(_distinct(_grams_of(kinds[at : at + _GRAM_SLAB])[1]) for at in slabs)]
        )
    )
    columns, lengths = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for at in slabs:
        owner, gram = _grams_of(kinds[at : at + _GRAM_SLAB])
        cells = _distinct(owner * len(codes) + np.searchsorted(codes, gram))
        columns.append((cells % len(codes)).astype(np.int32) if cells.size else columns[0])
        number = min(_GRAM_SLAB, len(kinds) - at)
        lengths.append(np.bincount(cells // max(len(codes), 1), minlength=number))
    column = np.concatenate(columns)
    ends = np.cumsum(np.concatenate(lengths))
    held = csr_array((np.ones(len(column), np.float32), column, ends), shape=(len(kinds), len(codes)))
    return held, np.where(codes < 1 << 21, _SINGLE, 1.0)


def _grams_of(kinds: Any) -> tuple[Ints, Ints]:
    """Return the characters, and the pairs of neighbours, of texts: number of the text and a code for each."""
    lengths = pc.utf8_length(kinds).to_numpy(zero_copy_only=False).astype(np.int64)
    letters = np.frombuffer("".join(kinds.to_pylist()).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    text = np.repeat(np.arange(len(lengths)), lengths)
    inside = text[1:] == text[:-1]
    gram = np.concatenate([letters, (letters[:-1][inside] << 21) + letters[1:][inside]])
    return np.concatenate([text, text[1:][inside]]), gram


def _distinct(values: Ints) -> Ints:
    """Return each number, none negative, once in ascending order; ``np.unique`` is far slower with millions."""
    ordered = np.sort(values)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
