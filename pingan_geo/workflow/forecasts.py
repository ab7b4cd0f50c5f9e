"""The forecast that a list may be made of: ours where it has earned it on the town's own past, else counting.

A list sends people somewhere, so the forecast is tried first on what the town already knows
(:func:`pingan_geo.workflow.backtest.back_test`). Only where it would have caught more than last year's counts,
by more than chance and by at least :data:`LEAST_LEAD`, is it used; otherwise the best of the plain methods is,
and the list says so. Finds of patrols neither train it nor count: a list that fed on them would confirm itself.

A trial takes as long as a dozen forecasts. It is remembered in the town's folder until a report, the region or the
version changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo import __version__
from pingan_geo.errors import BadChoiceError, MixedOriginsError, NoReportsError, ShortRecordError
from pingan_geo.i18n import Translator, translator
from pingan_geo.model.receipt import Progress
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import cells_covering
from pingan_geo.stats.filters import only_days, select
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.backtest import (
    BASELINE,
    SHIFT,
    PlacedReports,
    Standing,
    back_test,
    hours_known,
    place_reports,
    record_end,
    say_hit_rate,
    say_last_list,
    say_lead,
    say_method,
    shift_of,
)
from pingan_geo.workflow.hotspot_methods import Scored
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town

OURS: Final = "ensemble"
#: Methods that need no learning, in the order in which the first of equals is taken.
PLAIN: Final = (BASELINE, "count_all", "lee_o_eck", "gi_star")
#: What our forecast must be ahead of last year's counts, beside a range that lies above nothing.
LEAST_LEAD: Final = 0.05
HORIZON_D: Final = 28.0
COVERAGE: Final = 0.02
#: Trials remembered in the town's folder.
TRIALS_FILE: Final = "forecast_trials.json"
_MOST_TRIALS: Final = 64
#: A record that ends so many days before a shift is said to be old.
_OLD_D: Final = 7
_COLUMNS = (
    *("report_id", "batch_id", "source", "category", "time", "time_until", "lon", "lat", "origin", "cell"),
    *("grid_id", "village_id"),
)


@dataclass(frozen=True, eq=False)
class Gate:
    """Which method a list may be made of.

    Parameters
    ----------
    method
        A name of :data:`pingan_geo.stats.forecasting.methods.METHODS`.
    tried
        The back-test; ``None`` where the record was too short for one. A trial that was remembered has only
        what :class:`pingan_geo.workflow.backtest.Standing` says.
    sentence
        Why this one, and what it would have caught.
    hit_rate
        Only what it would have caught: the last list, and all of them; ``""`` where it was not tried.
    """

    method: str
    tried: Standing | None
    sentence: str
    hit_rate: str = ""


@dataclass(frozen=True, eq=False)
class HourlyRisk:
    """Reports to expect in each cell and hour of one shift. They follow where people look.

    Parameters
    ----------
    cells
        uint64, ascending: all that touch the town.
    starts
        datetime64[s]: the clock hours that the shift touches.
    expected
        cells x hours; an hour that lies in the shift only in part counts by that part.
    method
        Name of the method that passed the gate.
    sentence
        Why this method.
    hit_rate_sentence
        What its lists would have caught so far; ``""`` where the record is too short to tell.
    """

    cells: NDArray[np.uint64]
    starts: NDArray[np.datetime64]
    expected: NDArray[np.float64]
    method: str
    sentence: str
    hit_rate_sentence: str


def choose_method(
    town: Town,
    asked: ReportFilter,
    *,
    resolution: int,
    seed: int,
    reports: pd.DataFrame,
    t: Translator,
    on_progress: Callable[[int, int], None] | None = None,
    remember: bool = False,
    learning: bool = True,
) -> Gate:
    """Try our forecast and the plain methods on the past of what is asked, and choose.

    Where hours or weekdays are asked for, all are tried as lists for these hours, on what happened in them.

    Parameters
    ----------
    remember
        Look into the town's folder first, and leave the trial there.
    learning
        Try ours too, which takes minutes; otherwise it is used only where a trial of it is remembered.

    Raises
    ------
    MixedOriginsError
        If finds of patrols are asked for.
    NoReportsError, UnknownCategoryError
        As of a back-test.
    """

    def passed_on(step: Progress) -> None:
        if on_progress is not None:
            on_progress(step.done, step.total or 1)

    trials = _Trials(town.folder / TRIALS_FILE)
    key = _key(reports, asked, town, resolution, seed) if remember else ""
    tried: Standing | None = trials.find(key) if remember else None
    with_ours = learning or tried is not None
    if not with_ours and remember:
        key = f"{key}-plain"
        tried = trials.find(key)
    if tried is None:
        try:
            tried = back_test(
                town,
                asked,
                methods=(OURS, *PLAIN) if with_ours else PLAIN,
                horizon_d=HORIZON_D,
                coverages=(COVERAGE,),
                resolution=resolution,
                seed=seed,
                language=t.language,
                reports=reports,
                on_progress=passed_on,
            )
        except ShortRecordError:
            said = t(
                "The record is too short to try a forecast on it: the list is made of {method}.",
                method=say_method(BASELINE, t),
            )
            return Gate(BASELINE, None, said)
        if remember:
            trials.keep(key, tried)
    kind = "" if shift_of(asked) is None else SHIFT
    ours, baseline = f"{OURS}{kind}", f"{BASELINE}{kind}"
    pairs = tried.pairs
    against = pairs[(pairs["method"] == ours) & (pairs["baseline"] == baseline)]
    # without a report in any window there is no pair, and nothing was earned
    lead, low = (float(against[name].iloc[0]) if len(against) else np.nan for name in ("lead", "low"))
    earned = bool(np.isfinite(low) and low > 0 and lead >= LEAST_LEAD)
    hits = tried.summary.set_index("method")["hits"]
    method = OURS if earned else max(PLAIN, key=lambda name: float(hits[f"{name}{kind}"]))
    compared = (
        say_lead(tried, ours, t, baseline=baseline, words=lambda name: say_method(name, t))
        if with_ours
        else ""
    )
    if not with_ours:
        why = t(
            "Our forecast was not tried here, which takes minutes: the list is made of {method}, the best of the plain "
            "methods on the past.",
            method=say_method(method, t),
        )
    elif earned:
        why = t("Our forecast is used: {compared}.", compared=compared)
    elif compared:
        why = t(
            "Our forecast has not earned its place here ({compared}): the list is made of {method}.",
            compared=compared,
            method=say_method(method, t),
        )
    else:
        why = t(
            "Nothing was reported in the windows to try a forecast on: the list is made of {method}.",
            method=say_method(method, t),
        )
    listed = f"{method}{kind}"
    sentences = [say_last_list(tried, listed, COVERAGE, t), say_hit_rate(tried, listed, COVERAGE, t)]
    if kind:
        gain = say_lead(tried, listed, t, baseline=method, words=lambda name: say_method(name, t))
        sentences.append(t("Weighted by the hours of the shift: {compared}.", compared=gain) if gain else "")
    hit_rate = " ".join(part for part in sentences if part)
    return Gate(method, tried, f"{why} {hit_rate}", hit_rate)


def score_by_forecast(
    town: Town,
    asked: ReportFilter,
    cells: NDArray[np.uint64],
    *,
    resolution: int,
    seed: int,
    reports: pd.DataFrame,
    t: Translator,
    on_progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Score cells by the reports to expect in the :data:`HORIZON_D` days after what is known.

    The record is learnt from as far back as it goes, whatever the period asked for begins with; it ends with
    that period, or with the day of the newest report of any kind. Where hours or weekdays are asked for, the reports of
    all hours are learnt from, and those to expect are those of the hours.

    Parameters
    ----------
    cells
        Ascending, of ``resolution``.
    reports
        REPORTS table.

    Raises
    ------
    MixedOriginsError
        If finds of patrols are asked for.
    NoReportsError
        If no report with a day fits.
    """
    from pingan_geo.stats.hour_risk import expected_in_shift

    known = replace(asked, period=Period(None, asked.period.until))
    gate = choose_method(
        town,
        known,
        resolution=resolution,
        seed=seed,
        reports=reports,
        t=t,
        on_progress=on_progress,
        remember=True,
    )
    whole = _expected(town, known, cells, gate.method, seed, reports)
    shift, expected = shift_of(known), whole.expected
    if shift is not None:
        weights = whole.placed.hours(len(whole.history))
        if hours_known(whole.history, weights):
            rng = np.random.default_rng(0)  # nothing is drawn: the forecast is at hand
            expected = expected_in_shift(whole.history, weights, expected, shift, HORIZON_D, rng)
        else:
            expected = expected * shift.mean()
    origin = whole.history.origin
    until = (origin + np.timedelta64(round(HORIZON_D) - 1, "D")).astype("datetime64[D]")
    span = {"since": _day(origin), "until": str(until)}
    words = [
        t("{expected} reports to expect from {since} to {until}", expected=t.number(value, 2), **span)
        if shift is None
        else t(
            "{expected} reports to expect in these hours from {since} to {until}",
            expected=t.number(value, 2),
            **span,
        )
        for value in expected.tolist()
    ]
    total = t.number(float(expected.sum()), 0)
    first = whole.placed.events.time[0]
    return Scored(
        expected,
        np.full(len(cells), np.nan),
        words,
        verdict=gate.sentence,
        score_words=t("reports to expect in {days} days", days=t.number(HORIZON_D)),
        about=(
            (t("Forecast"), t("{total} reports to expect from {since} to {until}", total=total, **span)),
            (t("Chosen on the past"), gate.sentence),
            (
                t("Learnt from"),
                t("{count} reports since {day}", count=len(whole.history), day=_day(first)),
            ),
            (
                t("Not meant"),
                t(
                    "It expects reports, and reports follow where people look. In a single cell mostly far less "
                    "than one is expected, and most cells listed will see none. No one living there is meant."
                ),
            ),
        ),
    )


def expected_by_hour(
    town: Town,
    *,
    since: datetime,
    until: datetime,
    categories: Sequence[str] = (),
    resolution: int = 9,
    seed: int = 0,
    language: str = "",
    reports: pd.DataFrame | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    learning: bool = True,
) -> HourlyRisk:
    """Return the reports to expect in each cell and hour of one shift, by the method that passed the gate.

    The gate is tried on the record up to the first of the month that the shift begins in, so that it is tried once a
    month; what is expected is learnt from everything known when the shift begins.

    Parameters
    ----------
    town
        The town.
    since, until
        The shift, naive wall-clock time; at most a week.
    categories
        Codes; empty for all.
    resolution
        H3 resolution of the cells.
    seed
        Of methods that draw at random.
    language
        Of the sentences; the town's when empty.
    reports
        REPORTS table, when it is at hand.
    on_progress
        Told how many trials are done, of how many, where the gate has to be tried first.
    learning
        As of :func:`choose_method`.

    Raises
    ------
    BadChoiceError
        If the shift ends before it begins or is longer than a week, or the resolution is finer than the town stores.
    UnknownCategoryError
        If a category is neither in the town's list nor in any report.
    NoReportsError
        If no report was known before the shift.
    """
    from pingan_geo.stats.hour_risk import expected_each_hour

    t = translator(language or town.settings.language)
    if not 0 < (until - since).total_seconds() <= 7 * 86_400:
        raise BadChoiceError(name="until", value=until, expected="after the beginning, at most a week")
    if not 5 <= resolution <= town.settings.finest:
        raise BadChoiceError(name="resolution", value=resolution, expected=f"5-{town.settings.finest}")
    if reports is None:
        with town.store.read() as connection:
            reports = read_reports(connection, _COLUMNS)
    check_categories(town, tuple(categories), reports)
    known = ReportFilter(categories=tuple(categories), period=Period(None, since))
    cells = cells_covering(town.area, resolution)
    begin, end = np.datetime64(since, "s"), np.datetime64(until, "s")
    tried_on = replace(known, period=Period(None, datetime(since.year, since.month, 1)))
    touched = np.arange(begin.astype("datetime64[h]").astype(int), -(-end.astype(int) // 3600)) % 24
    fitting = _dated(reports, known, town)
    days_only = only_days(fitting["time"].to_numpy(), fitting["time_until"].to_numpy())
    if len(set(touched.tolist())) < 24 and not days_only.all():
        tried_on = replace(tried_on, hours=tuple(sorted(set(touched.tolist()))))
    try:
        gate = choose_method(
            town,
            tried_on,
            resolution=resolution,
            seed=seed,
            reports=reports,
            t=t,
            on_progress=on_progress,
            remember=True,
            learning=learning,
        )
    except NoReportsError:  # the record began this month
        said = t(
            "The record is too short to try a forecast on it: the list is made of {method}.",
            method=say_method(BASELINE, t),
        )
        gate = Gate(BASELINE, None, said)
    whole = _expected(town, known, cells, gate.method, seed, reports, origin=begin)
    weights = whole.placed.hours(len(whole.history))
    starts, expected = expected_each_hour(whole.history, weights, whole.expected, HORIZON_D, begin, end)
    sentence = gate.sentence.removesuffix(gate.hit_rate).strip()
    old = int((begin - record_end(reports, known)).astype(np.int64) // 86_400)
    if old >= _OLD_D:
        sentence = f"{sentence} " + t(
            "The newest report was known {days} days before the shift: what came since is missing.", days=old
        )
    return HourlyRisk(cells, starts, expected, gate.method, sentence, gate.hit_rate)


@dataclass(frozen=True, eq=False)
class _Whole:
    """A forecast of all hours, and what it was learnt from."""

    placed: PlacedReports
    history: Any
    expected: NDArray[np.float64]


def _expected(
    town: Town,
    known: ReportFilter,
    cells: NDArray[np.uint64],
    method: str,
    seed: int,
    reports: pd.DataFrame,
    origin: np.datetime64 | None = None,
) -> _Whole:
    """Return what a method expects from the end of the record on, or from an earlier origin."""
    from pingan_geo.stats.forecasting.history import history_before, region_of
    from pingan_geo.stats.forecasting.methods import forecaster

    end = record_end(reports, known)
    at = end if origin is None else min(end, origin)
    placed = place_reports(_dated(reports, known, town), region_of(cells), at)
    history = history_before(placed.events, at)
    rng = np.random.default_rng([seed, len(placed.events)])
    return _Whole(placed, history, forecaster(method)(history, HORIZON_D, rng))


def _dated(reports: pd.DataFrame, asked: ReportFilter, town: Town) -> Any:
    """Return the reports of all hours that are learnt from: with a day, and known when the period ends."""
    if asked.origin != "reported":
        raise MixedOriginsError
    fitting = reports[select(reports, replace(asked, hours=(), weekdays=()), town.settings.board_of)]
    fitting = fitting[fitting["time"].notna()]
    if asked.period.until is not None:
        fitting = fitting[~(fitting["time_until"] > np.datetime64(asked.period.until, "us"))]
    if not len(fitting):
        raise NoReportsError
    return fitting


def _day(instant: np.datetime64) -> str:
    return str(instant.astype("datetime64[D]"))


# -- trials that are remembered --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Remembered:
    """A :class:`Standing` read back."""

    table: pd.DataFrame
    summary: pd.DataFrame
    pairs: pd.DataFrame
    origin: NDArray[np.datetime64]
    horizon_d: float
    coverages: tuple[float, ...]


def _key(reports: pd.DataFrame, asked: ReportFilter, town: Town, resolution: int, seed: int) -> str:
    """Return a name of all that a trial depends on."""
    fitting = reports[select(reports, replace(asked, hours=(), weekdays=()), town.settings.board_of)]
    digest = hashlib.sha256()
    for name in ("time", "time_until", "cell", "lon", "lat"):
        digest.update(np.ascontiguousarray(fitting[name].to_numpy()).tobytes())
    digest.update(cells_covering(town.area, resolution).tobytes())
    every = record_end(reports, asked) if len(fitting) and fitting["time"].notna().any() else None
    said = (__version__, asked, resolution, seed, str(every), OURS, PLAIN, HORIZON_D, COVERAGE)
    digest.update(repr(said).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Trials:
    """Trials in a file: the newest ones, or none where it cannot be read or written."""

    file: Path

    def find(self, key: str) -> _Remembered | None:
        known = self._read().get(key, {})
        try:
            table, summary, pairs = (
                pd.DataFrame(known[name]["data"], columns=known[name]["columns"])
                for name in ("table", "summary", "pairs")
            )
            origin = np.array(known["origin"], dtype="datetime64[s]")
            more = (float(known["horizon_d"]), tuple(known["coverages"]))
        except (KeyError, TypeError, ValueError):  # none, or a file that somebody else wrote
            return None
        return _Remembered(table, summary, pairs, origin, *more)

    def keep(self, key: str, tried: Standing) -> None:
        trials = self._read()
        tables = {
            "table": tried.table[["method", "coverage", "hits", "events", "hit_rate"]],
            "summary": tried.summary,
            "pairs": tried.pairs,
        }
        trials[key] = {
            "origin": [str(one) for one in tried.origin],
            "horizon_d": tried.horizon_d,
            "coverages": list(tried.coverages),
        } | {
            name: {"columns": list(table.columns), "data": table.to_numpy(dtype=object).tolist()}
            for name, table in tables.items()
        }
        newest = dict(list(trials.items())[-_MOST_TRIALS:])
        with contextlib.suppress(OSError):  # a folder that is read only: tried again the next time
            made = self.file.with_name(f"{self.file.name}.{os.getpid()}")
            made.write_text(json.dumps(newest, allow_nan=True), encoding="utf-8")
            made.replace(self.file)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
