"""Did it help? Patrol minutes at each place against reports before and after, and what cannot be told.

Places on a list are there because much was reported, so they fall by themselves the next time, patrolled or not.
They are therefore set against places of the same lists that nobody had time for, which fall by themselves just as
well. Quiet places looked at are shown beside them but not compared with: chosen for being quiet, they rise by
themselves. Finds of patrols are never counted as reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import Translator, translator
from pingan_geo.model.patrol import Patrol
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import from_text, parents, resolutions
from pingan_geo.stats.filters import select
from pingan_geo.storage.patrols import read_patrol, read_patrols, read_visits
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town

#: Fewer visits, places, or reports (before and after together, in each group) than these, and nothing is said.
LEAST_VISITS, LEAST_PLACES, LEAST_REPORTS = 20, 5, 20
LEVEL: Final = 0.05
DAYS: Final = 28
GROUPS: Final = ("patrolled", "listed", "control")
_MINUTE: Final = np.timedelta64(60, "s")
_COLUMNS: Final = (
    "category",
    "time",
    "time_until",
    "origin",
    "cell",
    "grid_id",
    "village_id",
    "source",
    "batch_id",
)


@dataclass(frozen=True, eq=False)
class Effect:
    """What patrols did, and what became of the reports.

    Parameters
    ----------
    table
        A row for each place: ``cell`` (hexadecimal), ``name``, ``group`` (``patrolled``: looked at as a hotspot or
        as a place that must be seen; ``listed``: on a list, but nobody had time for it; ``control``: a quiet place
        looked at), ``visits_planned``, ``visits``, ``minutes_planned``, ``minutes`` (done), ``before``, ``after``
        (reports), ``expected`` (after, had nothing changed), ``ratio``, ``ratio_low``, ``ratio_high``, ``p_value``
        (of the place alone, exact, corrected for the number of places). Most minutes first.
    groups
        A row for each group: ``group, places, visits, minutes, before, after, ratio``.
    ratio, ratio_low, ratio_high
        After ÷ before at the patrolled places, against the same at the listed ones: 0.7 is three tenths fewer
        than without patrols. The interval is exact, of 95 %. NaN when nothing can be told.
    p_value
        Of this ratio, Fisher's exact test on the four sums; NaN when nothing can be told.
    told
        Whether there was enough to tell.
    sentence
        What can be said.
    notes
        What must be known beside it.
    before, after
        The two periods ``[since, until)``.
    """

    table: pd.DataFrame
    groups: pd.DataFrame
    ratio: float
    ratio_low: float
    ratio_high: float
    p_value: float
    told: bool
    sentence: str
    notes: tuple[str, ...]
    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]


def patrol_effect(
    town: Town,
    *,
    until: datetime,
    days: int = DAYS,
    categories: Sequence[str] = (),
    language: str = "",
    reports: pd.DataFrame | None = None,
) -> Effect:
    """Set the reports of a period with patrols against the equally long one before it.

    Parameters
    ----------
    town
        The town.
    until
        End of the period with patrols.
    days
        Of each period, 1 to 366.
    categories
        Of the reports; empty for all.
    language
        Of the sentences; the town's when empty.
    reports
        REPORTS table, when it is at hand.

    Returns
    -------
    Effect

    Raises
    ------
    BadChoiceError
        If ``days`` is not offered.
    UnknownCategoryError
        If a category is neither in the town's list nor in any report.

    Notes
    -----
    Tried on made-up towns without any effect (2,000 cells, the top 20 or 40 of a record of 28 to 365 days
    patrolled, the next 60 compared with): a fall was claimed in 2 to 6 of 100, the most where the list was made
    of 28 days alone. One event that brings several reports makes the test too sure.
    """
    if not 1 <= days <= 366:
        raise BadChoiceError(name="days", value=days, expected="1-366")
    t = translator(language or town.settings.language)
    since, begin = until - timedelta(days=days), until - timedelta(days=2 * days)
    with town.store.read() as connection:
        listed = read_patrols(connection, since=begin, until=until)
        listed = listed[listed["state"] != "replaced"]
        plans = [read_patrol(connection, number) for number in listed["patrol_id"]]
        visits = read_visits(connection, since=begin, until=until)
        if reports is None:
            reports = read_reports(connection, _COLUMNS)
    check_categories(town, categories, reports)
    now = [plan for plan in plans if plan is not None and plan.since >= since]
    places = _places(now, visits[visits["planned_arrive"] >= since])
    early = visits[(visits["planned_arrive"] < since) & visits["arrived"].notna()]
    periods = ((begin, since), (since, until))
    for name, period in zip(("before", "after"), periods, strict=True):
        asked = ReportFilter(categories=tuple(categories), period=Period(*period))
        places[name] = _count(places["cell"], reports[select(reports, asked, town.settings.board_of)])
    table = _tested(places, days)
    groups = _groups(table)
    ratio, low, high, p_value = judge(*_four(groups))
    lacks = _lacking(groups, t)
    if lacks:
        ratio = low = high = p_value = float("nan")
    return Effect(
        table=table,
        groups=groups,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        p_value=p_value,
        told=not lacks,
        sentence=lacks or _say(groups, ratio, low, high, p_value, t),
        notes=_notes(table, early, t),
        before=periods[0],
        after=periods[1],
    )


def judge(before: int, after: int, other_before: int, other_after: int) -> tuple[float, float, float, float]:
    """Return how reports changed at some places against others: ratio, its exact 95 % interval, and p.

    Given the sums of the two groups and of the two periods, the four counts follow one distribution when both
    groups changed alike: Fisher's exact test, two-sided, and the interval of the conditional odds ratio.

    Parameters
    ----------
    before, after
        Reports at the places in question.
    other_before, other_after
        Reports at the others.

    Returns
    -------
    tuple
        All NaN when a sum is 0.
    """
    counts = np.array([[after, before], [other_after, other_before]], dtype=np.int64)
    if (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        return (float("nan"),) * 4
    from scipy.stats import fisher_exact
    from scipy.stats.contingency import odds_ratio

    found = odds_ratio(counts, kind="conditional")
    low, high = found.confidence_interval(1 - LEVEL)
    return float(found.statistic), float(low), float(high), float(fisher_exact(counts).pvalue)


# -- places ------------------------------------------------------------------------------------------


def _places(plans: Sequence[Patrol], visits: pd.DataFrame) -> pd.DataFrame:
    """Return what was planned and done in each cell, and to which group it belongs."""
    rows: list[dict[str, Any]] = []
    for plan in plans:
        for route in plan.routes:
            rows += [
                {
                    "cell": stop.cell,
                    "name": stop.name,
                    "kind": stop.kind,
                    "planned": 1,
                    "minutes_planned": (stop.leave - stop.arrive) / timedelta(minutes=1),
                    "at": plan.since,
                }
                for stop in route.stops
                if stop.kind in {"hotspot", "must", "control"} and stop.cell
            ]
        rows += [
            {
                "cell": one.stop_id,
                "name": one.name,
                "kind": "listed",
                "planned": 0,
                "minutes_planned": 0.0,
                "at": plan.since,
            }
            for one in plan.left_out
            if one.kind == "hotspot" and one.reason == "time"
        ]
    columns = ["cell", "name", "kind", "planned", "minutes_planned", "at"]
    planned = pd.DataFrame(rows, columns=columns).sort_values("at", kind="stable")
    seen = visits[
        visits["kind"].isin(["hotspot", "must", "control"])
        & visits["arrived"].notna()
        & (visits["cell"] != "")
    ]
    stayed = seen["left"].fillna(seen["arrived"] + (seen["planned_leave"] - seen["planned_arrive"]))
    minutes = ((stayed - seen["arrived"]) / _MINUTE).clip(lower=0.0)
    done = (
        seen.assign(minutes=minutes)
        .groupby("cell")
        .agg(visits=("stop_id", "size"), minutes=("minutes", "sum"))
    )
    looked_at = set(seen.loc[seen["kind"] != "control", "cell"])
    quiet = set(seen.loc[seen["kind"] == "control", "cell"]) - looked_at
    cells = planned.groupby("cell", sort=True).agg(
        name=("name", "last"), visits_planned=("planned", "sum"), minutes_planned=("minutes_planned", "sum")
    )
    cells = cells.join(done).fillna({"visits": 0, "minutes": 0.0}).reset_index()
    waiting = set(planned.loc[planned["kind"] == "listed", "cell"]) - set(
        planned.loc[planned["planned"] > 0, "cell"]
    )
    group = [
        "patrolled"
        if cell in looked_at
        else "control"
        if cell in quiet
        else "listed"
        if cell in waiting
        else ""
        for cell in cells["cell"]
    ]
    cells["group"] = pd.Series(group, dtype="str", index=cells.index)
    cells["visits"] = cells["visits"].astype(np.int64)
    return cells[cells["group"] != ""].reset_index(drop=True)


def _count(cells: pd.Series, reports: Any) -> NDArray[np.int64]:
    """Return the reports in each cell; the cells may be of several sizes when the town has changed its own."""
    own = from_text(cells) if len(cells) else np.empty(0, np.uint64)
    counts = np.zeros(len(own), dtype=np.int64)
    stored = reports["cell"].to_numpy(dtype=np.uint64)
    for size in np.unique(resolutions(own)) if len(own) else ():
        found, number = np.unique(parents(stored, int(size)), return_counts=True)
        if not len(found):
            continue
        at = np.minimum(np.searchsorted(found, own), len(found) - 1)
        counts += np.where(found[at] == own, number[at], 0)
    return counts


def _tested(places: pd.DataFrame, days: int) -> pd.DataFrame:
    from pingan_geo.stats.change import compare_periods
    from pingan_geo.stats.significance import adjust

    before, after = (places[name].to_numpy(dtype=np.int64) for name in ("before", "after"))
    length = {"length_before_d": float(days), "length_after_d": float(days)}
    told = compare_periods(before, after, **length)
    columns = ["expected", "ratio", "ratio_low", "ratio_high", "p_value"]
    table = places.assign(**{name: told[name].to_numpy() for name in columns})
    table["p_value"] = adjust(table["p_value"].to_numpy(), "bh")
    names = [
        "cell",
        "name",
        "group",
        "visits_planned",
        "visits",
        "minutes_planned",
        "minutes",
        "before",
        "after",
    ]
    order = ["minutes", "before", "cell"]
    return table[[*names, *columns]].sort_values(order, ascending=[False, False, True]).reset_index(drop=True)


def _groups(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for group in GROUPS:
        own = table[table["group"] == group]
        before, after = int(own["before"].sum()), int(own["after"].sum())
        rows.append(
            {
                "group": group,
                "places": len(own),
                "visits": int(own["visits"].sum()),
                "minutes": float(own["minutes"].sum()),
                "before": before,
                "after": after,
                "ratio": after / before if before else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _four(groups: pd.DataFrame) -> tuple[int, int, int, int]:
    own, other = groups.iloc[0], groups.iloc[1]
    return int(own["before"]), int(own["after"]), int(other["before"]), int(other["after"])


# -- words -------------------------------------------------------------------------------------------


def _lacking(groups: pd.DataFrame, t: Translator) -> str:
    """Return why nothing can be told, ``""`` when there is enough."""
    own, other = groups.iloc[0], groups.iloc[1]
    reports, others = int(own["before"] + own["after"]), int(other["before"] + other["after"])
    if own["visits"] < LEAST_VISITS or own["places"] < LEAST_PLACES:
        return t(
            "Whether patrols helped cannot be told: {visits} visits at {places} places came back, and {least} at "
            "{least_places} or more are needed.",
            visits=int(own["visits"]),
            places=int(own["places"]),
            least=LEAST_VISITS,
            least_places=LEAST_PLACES,
        )
    if reports < LEAST_REPORTS or others < LEAST_REPORTS:
        return t(
            "Whether patrols helped cannot be told: {reports} reports at the patrolled places and {others} at those of "
            "the lists that nobody had time for, and {least} each are needed.",
            reports=reports,
            others=others,
            least=LEAST_REPORTS,
        )
    return ""


def _say(groups: pd.DataFrame, ratio: float, low: float, high: float, p_value: float, t: Translator) -> str:
    own, other = groups.iloc[0], groups.iloc[1]
    said = t(
        "Reports at {places} patrolled places went from {before} to {after}, at {others} places of the lists that "
        "nobody had time for from {other_before} to {other_after}: {ratio} times what it would have been (95 %: "
        "{low} to {high}).",
        places=int(own["places"]),
        before=int(own["before"]),
        after=int(own["after"]),
        others=int(other["places"]),
        other_before=int(other["before"]),
        other_after=int(other["after"]),
        ratio=t.number(ratio, 2),
        low=t.number(low, 2),
        high="∞" if np.isinf(high) else t.number(high, 2),
    )
    if np.isfinite(p_value) and p_value < LEVEL:
        verdict = (
            t("That is a fall beyond chance; it fits an effect of the patrols, and does not prove one.")
            if ratio < 1
            else t(
                "That is a rise beyond chance: no help is seen; perhaps more was reported where patrols went."
            )
        )
    else:
        verdict = t("That may be chance: whether patrols helped cannot be told.")
    return f"{said} {verdict}"


def _notes(table: pd.DataFrame, early: pd.DataFrame, t: Translator) -> tuple[str, ...]:
    quiet = table[table["group"] == "control"]
    notes = [
        t(
            "Places get on a list because much was reported there, and fall by themselves: so they are set against "
            "others of the same lists. Reports also change with how many people look."
        )
    ]
    if len(quiet):
        notes.append(
            t(
                "{places} quiet places that were looked at went from {before} to {after} reports; chosen for being "
                "quiet, they rise by themselves and prove nothing.",
                places=len(quiet),
                before=int(quiet["before"].sum()),
                after=int(quiet["after"].sum()),
            )
        )
    before = int(early["cell"].isin(table.loc[table["group"] == "patrolled", "cell"]).sum())
    if before:
        notes.append(
            t(
                "In the period before there were patrols too ({count} visits at these places): a change is hidden by that.",
                count=before,
            )
        )
    return tuple(notes)
