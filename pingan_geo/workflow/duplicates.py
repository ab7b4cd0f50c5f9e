"""The same incident told by several people: asked about, merged, kept apart, and taken back.

Nothing is merged unasked. A merged report keeps its row, its words and its teller; it only no longer counts by
itself, because the one that happened first stands for the incident. Which reports are one follows from the pairs that
people merged, so that taking a decision back leaves what it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.errors import ReportNotFoundError
from pingan_geo.i18n import mark
from pingan_geo.intake.duplicates import (
    MOST_SPAN_H,
    DuplicateRule,
    duplicate_rules,
    find_duplicates,
    groups_of,
)
from pingan_geo.model.receipt import OnProgress
from pingan_geo.settings import TOWN_FILE, read_settings
from pingan_geo.storage.duplicates import (
    decide_duplicates,
    insert_duplicates,
    read_compared,
    read_duplicates,
    remove_pairs,
)
from pingan_geo.storage.duplicates import groups_of as members_of
from pingan_geo.storage.photos import read_photos
from pingan_geo.workflow.notes import Note
from pingan_geo.workflow.towns import Town

#: Why a pair is asked about: code to what people read.
REASONS: Mapping[str, str] = {
    "near": mark("near"),
    "soon": mark("soon after"),
    "same_words": mark("same words"),
    "like_words": mark("similar words"),
    "same_number": mark("same house number"),
    "same_photo": mark("same photo"),
    "like_photo": mark("similar photo"),
    "few_others": mark("few others of the kind around"),
    "sent_twice": mark("sent twice by one person"),
    "same_reporter": mark("told by one person"),
    "other_category": mark("under another category"),
    "rough_place": mark("place known roughly"),
    "rough_time": mark("time known roughly"),
    "by_hand": mark("put together by hand"),
}
_BY_HAND = "by_hand"
#: Of what is stored, so many days before the reports that are new tell how often such things are told anyway.
BACKGROUND_DAYS = 365
#: An import of more rows than this is not searched while it is written; ``find_all_duplicates`` does it after.
MOST_AT_IMPORT = 200_000


@dataclass(frozen=True)
class Search:
    """What a search for duplicates brought.

    Parameters
    ----------
    queued
        Pairs that are new and wait for a person.
    crowded, not_compared, not_offered
        As :func:`pingan_geo.intake.duplicates.find_duplicates` says.
    not_searched
        Reports that were not compared at all, because the import was too large to do it on the way.
    """

    queued: int = 0
    crowded: int = 0
    not_compared: int = 0
    not_offered: int = 0
    not_searched: int = 0


@dataclass(frozen=True, eq=False)
class Incident:
    """All that was told of one incident.

    Parameters
    ----------
    head
        ``report_id`` of the report that stands for it: the one with the earliest ``time``, of several the earlier
        arrival.
    reports
        ``report_id, time, time_until, category, lon, lat, radius_m, level, place, description, source,
        source_id, teller``, by arrival. ``teller`` numbers the persons, 0 where none is known; pseudonyms are
        not in it.
    tellers
        Different persons who are known.
    """

    head: int
    reports: pd.DataFrame
    tellers: int


# -- asking ------------------------------------------------------------------------------------------


def queue_duplicates(town: Town, connection: Any, batch_id: int) -> Search:
    """Ask about the reports of an import that may tell of an incident already stored, or told twice in it.

    To be called at the end of the import, in its transaction. Of what is stored, only reports of the same
    categories and families, and near enough in time, are read.

    Parameters
    ----------
    town
        The town.
    connection
        That writes the import.
    batch_id
        Of the import.

    Raises
    ------
    SettingsError
        If a rule of ``town.toml`` cannot be used.
    """
    return _queue(town, connection, read_compared(connection, batch_id=batch_id))


def queue_duplicates_of(town: Town, connection: Any, report_ids: Iterable[int]) -> Search:
    """Ask about reports that came by themselves, as rows that were held: see :func:`queue_duplicates`.

    Parameters
    ----------
    town
        The town.
    connection
        That wrote the reports.
    report_ids
        The reports.

    Raises
    ------
    SettingsError
        If a rule of ``town.toml`` cannot be used.
    """
    return _queue(town, connection, read_compared(connection, report_ids=report_ids))


def _queue(town: Town, connection: Any, own: pd.DataFrame) -> Search:
    if not len(own):
        return Search()
    if len(own) > MOST_AT_IMPORT:
        return Search(not_searched=len(own))
    rules, default = _rules(town)
    categories = set(own["category"])
    families = {rules[code].family for code in categories if code in rules} - {""}
    categories |= {code for code, rule in rules.items() if rule.family in families}
    reach = timedelta(hours=MOST_SPAN_H + max(rules.get(code, default).window_h for code in categories))
    reports = read_compared(
        connection,
        since=own["time"].min().to_pydatetime() - max(reach, timedelta(days=BACKGROUND_DAYS)),
        until=own["time"].max().to_pydatetime() + reach,
        categories=categories,
    )
    new = reports["report_id"].isin(own["report_id"]).to_numpy()
    pairs = find_duplicates(reports, rules=rules, default=default, new=new, likeness=_photos(connection))
    left_alone = dict(pairs.attrs)
    pairs = _by_arrival(_still_open(pairs, reports), reports)
    return Search(_ask(connection, pairs, reports), **left_alone)


def find_all_duplicates(town: Town, *, on_progress: OnProgress | None = None) -> Search:
    """Ask about all reports of a town that may tell of one incident; what was decided stays decided.

    Parameters
    ----------
    town
        The town.
    on_progress
        Called at each step; an exception from it stops the search, and nothing is written.

    Raises
    ------
    SettingsError
        If a rule of ``town.toml`` cannot be used.
    """
    rules, default = _rules(town)
    with town.store.read() as connection:
        reports, likeness = read_compared(connection), _photos(connection)
    pairs = find_duplicates(reports, rules=rules, default=default, likeness=likeness, on_progress=on_progress)
    left_alone = dict(pairs.attrs)
    pairs = _by_arrival(_still_open(pairs, reports), reports)
    with town.store.begin() as connection:
        # meanwhile an import may have been taken back
        stored = read_compared(connection, report_ids=set(pairs["first"]) | set(pairs["second"]))
        pairs = pairs[pairs["first"].isin(stored["report_id"]) & pairs["second"].isin(stored["report_id"])]
        queued = _ask(connection, pairs, stored)
    return Search(queued, **left_alone)


def _ask(connection: Any, pairs: pd.DataFrame, reports: pd.DataFrame) -> int:
    """Store pairs with the import that brought the later arrival of each, and return how many are new."""
    batch = reports.set_index("report_id")["batch_id"]
    queued = 0
    for number, some in pairs.groupby(pairs["second"].map(batch)):
        queued += insert_duplicates(connection, int(number), some)
    return queued


def describe_search(search: Search) -> Iterator[Note]:
    """Say in a receipt what a search brought and what it left alone."""
    if search.queued:
        yield (
            "{count} pairs of reports may tell of one incident; they wait on the review page and count singly until merged.",
            {"count": search.queued},
        )
    if search.crowded:
        yield (
            "{count} reports have so many others around them that each was compared only with the nearest.",
            {"count": search.crowded},
        )
    if search.not_searched:
        yield (
            "The {count} reports of this import were not compared for duplicates: there are too many to do it on the way.",
            {"count": search.not_searched},
        )


def duplicate_groups(town: Town) -> tuple[tuple[int, ...], ...]:
    """Return the reports whose pairs wait, grouped as one person should see them; the likeliest first."""
    rules, default = _rules(town)
    with town.store.read() as connection:
        pairs = read_duplicates(connection, "")
        reports = read_compared(connection, report_ids=set(pairs["first"]) | set(pairs["second"]))
    return groups_of(pairs, reports, rules=rules, default=default)


def _rules(town: Town) -> tuple[dict[str, DuplicateRule], DuplicateRule]:
    settings = read_settings(town.folder)
    return duplicate_rules(settings.categories, settings.raw.get("duplicates", {}), file=TOWN_FILE)


def _photos(connection: Any) -> dict[int, int]:
    photos = read_photos(connection)
    photos = photos[photos["report_id"] != 0].drop_duplicates("report_id")
    return dict(zip(photos["report_id"].tolist(), photos["likeness"].tolist(), strict=True))


def _still_open(pairs: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of reports that are not one incident already."""
    into = reports.set_index("report_id")["merged_into"]
    head = pd.Series(np.where(into == 0, into.index, into), index=into.index)
    return pairs[pairs["first"].map(head).to_numpy() != pairs["second"].map(head).to_numpy()]


def _by_arrival(pairs: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """Return pairs with the earlier arrival first."""
    arrival = pd.Series(np.arange(len(reports)), index=reports["report_id"].to_numpy())
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    turned = arrival[first].to_numpy() > arrival[second].to_numpy()
    return pairs.assign(first=np.where(turned, second, first), second=np.where(turned, first, second))


# -- deciding ----------------------------------------------------------------------------------------


def merge(town: Town, into: int, report_ids: Iterable[int], now: datetime) -> int:
    """Let reports be one incident, which then counts once; all rows and tellers stay.

    The pairs among them that wait are decided, and those kept apart stay so; where no merged pair connects a
    report with ``into``, one is made or reopened.

    Parameters
    ----------
    town
        The town.
    into
        One of the reports.
    report_ids
        The others.
    now
        Wall-clock time of the town.

    Returns
    -------
    int
        The report that stands for the incident: the one that happened first, ``into`` or not.

    Raises
    ------
    ReportNotFoundError
        If there is no such report.
    """
    chosen = list(dict.fromkeys([int(into), *(int(number) for number in report_ids)]))
    with town.store.begin() as connection:
        reports = _named(connection, chosen)
        waiting = _pairs_among(connection, chosen, "")
        if waiting:
            decide_duplicates(connection, waiting, "merged", now)
        for number in chosen[1:]:
            if number not in members_of(connection, np.array([into], dtype=np.int64)):
                pair = _put_together(connection, reports, int(into), number)
                decide_duplicates(connection, [pair], "merged", now)
        return _head(connection, int(into))


def unmerge(town: Town, report_ids: Iterable[int]) -> int:
    """Take reports out of their incident: each stands for itself again, and its pairs wait as before.

    Parameters
    ----------
    town
        The town.
    report_ids
        Those that were merged with others; reports that stand for themselves are passed over.

    Returns
    -------
    int
        Pairs of which the decision was taken back.

    Raises
    ------
    ReportNotFoundError
        If there is no such report.
    """
    chosen = [int(number) for number in report_ids]
    with town.store.begin() as connection:
        _named(connection, chosen)
        merged = read_duplicates(connection, "merged")
        own = merged[merged["first"].isin(chosen) | merged["second"].isin(chosen)]
        by_hand = (own["reason"] == _BY_HAND).to_numpy()
        decide_duplicates(connection, _as_pairs(own[~by_hand]), "", None)
        remove_pairs(connection, _as_pairs(own[by_hand]))
        return len(own)


def keep_apart(town: Town, report_ids: Iterable[int], now: datetime) -> int:
    """Let reports be different incidents: the pairs among them that wait are not asked again.

    Returns
    -------
    int
        Pairs decided. Pairs that were merged stay so, see :func:`unmerge`.

    Raises
    ------
    ReportNotFoundError
        If there is no such report.
    """
    return _decide_among(town, report_ids, "", "apart", now)


def ask_again(town: Town, report_ids: Iterable[int]) -> int:
    """Take :func:`keep_apart` back: the pairs among the reports wait again. Returns their number.

    Raises
    ------
    ReportNotFoundError
        If there is no such report.
    """
    return _decide_among(town, report_ids, "apart", "", None)


def reports_of_incident(town: Town, report_id: int) -> Incident:
    """Return all reports that tell of the incident of a report, itself included.

    Raises
    ------
    ReportNotFoundError
        If there is no such report.
    """
    with town.store.read() as connection:
        _named(connection, [int(report_id)])
        head = _head(connection, int(report_id))
        members = members_of(connection, np.array([head], dtype=np.int64))
        reports = read_compared(connection, report_ids=members.tolist())
    person, _ = pd.factorize(reports["reporter"].where(reports["reporter"] != ""))
    reports["teller"] = (person + 1).astype("int64")
    listed = reports.drop(columns=["reporter", "batch_id", "merged_into", "origin"])
    return Incident(head, listed, int(reports["teller"].max()))


def _decide_among(
    town: Town, report_ids: Iterable[int], before: str, after: str, now: datetime | None
) -> int:
    chosen = [int(number) for number in report_ids]
    with town.store.begin() as connection:
        _named(connection, chosen)
        return decide_duplicates(connection, _pairs_among(connection, chosen, before), after, now)


def _named(connection: Any, report_ids: list[int]) -> pd.DataFrame:
    """Return the reports in the order of their arrival."""
    reports: pd.DataFrame = read_compared(connection, report_ids=report_ids)
    missing = sorted(set(report_ids) - set(reports["report_id"].tolist()))
    if missing:
        raise ReportNotFoundError(report=missing[0])
    return reports


def _pairs_among(connection: Any, report_ids: list[int], decision: str) -> list[tuple[int, int]]:
    known = read_duplicates(connection, decision)
    return _as_pairs(known[known["first"].isin(report_ids) & known["second"].isin(report_ids)])


def _as_pairs(pairs: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(pairs["first"].tolist(), pairs["second"].tolist(), strict=True))


def _put_together(connection: Any, reports: pd.DataFrame, one: int, other: int) -> tuple[int, int]:
    """Return the stored pair of two reports; a pair that nobody asked about is made, as put together by hand."""
    for pair in ((one, other), (other, one)):
        if len(read_duplicates(connection, None, pairs=[pair])):
            return pair
    both = reports[reports["report_id"].isin([one, other])]
    wide = DuplicateRule(radius_m=1e7, window_h=1e7, family=_BY_HAND)
    pairs = find_duplicates(
        both.assign(origin="reported"), rules={}, default=wide, likeness=_photos(connection), least_score=0.0
    )
    made = _by_arrival(pairs, both).assign(reason=pd.array([_BY_HAND] * len(pairs), dtype="str"))
    insert_duplicates(connection, int(both["batch_id"].iloc[-1]), made)
    return _as_pairs(made)[0]


def _head(connection: Any, report_id: int) -> int:
    into = int(read_compared(connection, report_ids=[report_id])["merged_into"].iloc[0])
    return into or report_id
