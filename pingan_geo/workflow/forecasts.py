"""The forecast that a list may be made of: ours where it has earned it on the town's own past, else counting.

A list sends people somewhere, so the forecast is tried first on what the town already knows
(:func:`pingan_geo.workflow.backtest.back_test`). Only where it would have caught more than last year's counts,
by more than chance and by at least :data:`LEAST_LEAD`, is it used; otherwise the best of the plain methods is,
and the list says so. Finds of patrols neither train it nor count: a list that fed on them would confirm itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import NoReportsError, ShortRecordError
from pingan_geo.i18n import Translator
from pingan_geo.model.receipt import Progress
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.stats.filters import select
from pingan_geo.workflow.backtest import (
    BASELINE,
    METHOD_WORDS,
    BackTest,
    back_test,
    events_of,
    record_end,
    say_hit_rate,
    say_lead,
)
from pingan_geo.workflow.hotspot_methods import Scored
from pingan_geo.workflow.towns import Town

OURS: Final = "ensemble"
#: Methods that need no learning, in the order in which the first of equals is taken.
PLAIN: Final = (BASELINE, "count_all", "lee_o_eck", "gi_star")
#: What our forecast must be ahead of last year's counts, beside a range that lies above nothing.
LEAST_LEAD: Final = 0.05
HORIZON_D: Final = 28.0
COVERAGE: Final = 0.02


@dataclass(frozen=True, eq=False)
class Gate:
    """Which method a list may be made of.

    Parameters
    ----------
    method
        A name of :data:`pingan_geo.stats.forecasting.methods.METHODS`.
    tried
        The back-test; ``None`` where the record was too short for one.
    sentence
        Why this one, and what it would have caught.
    """

    method: str
    tried: BackTest | None
    sentence: str


def choose_method(
    town: Town,
    asked: ReportFilter,
    *,
    resolution: int,
    seed: int,
    reports: pd.DataFrame,
    t: Translator,
    on_progress: Callable[[int, int], None] | None = None,
) -> Gate:
    """Try our forecast and the plain methods on the past of what is asked, and choose.

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

    try:
        tried = back_test(
            town,
            asked,
            methods=(OURS, *PLAIN),
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
            method=t(METHOD_WORDS[BASELINE]),
        )
        return Gate(BASELINE, None, said)
    against = tried.pairs[(tried.pairs["method"] == OURS) & (tried.pairs["baseline"] == BASELINE)]
    lead, low = (float(against[name].iloc[0]) for name in ("lead", "low"))
    earned = bool(np.isfinite(low) and low > 0 and lead >= LEAST_LEAD)
    hits = tried.summary.set_index("method")["hits"]
    method = OURS if earned else max(PLAIN, key=lambda name: float(hits[name]))
    compared = say_lead(tried, OURS, t, words=lambda name: t(METHOD_WORDS[name]))
    why = (
        t("Our forecast is used: {compared}.", compared=compared)
        if earned
        else t(
            "Our forecast has not earned its place here ({compared}): the list is made of {method}.",
            compared=compared,
            method=t(METHOD_WORDS[method]),
        )
    )
    return Gate(method, tried, f"{why} {say_hit_rate(tried, method, COVERAGE, t)}")


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
    that period, or with the day of the newest report of any kind.

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
    from pingan_geo.stats.forecasting.history import history_before, region_of
    from pingan_geo.stats.forecasting.methods import forecaster

    known = replace(asked, period=Period(None, asked.period.until))
    gate = choose_method(
        town, known, resolution=resolution, seed=seed, reports=reports, t=t, on_progress=on_progress
    )
    events = events_of(_dated(reports, known, town), region_of(cells))
    origin = record_end(reports, known)
    history = history_before(events, origin)
    expected = forecaster(gate.method)(history, HORIZON_D, np.random.default_rng([seed, len(events)]))
    until = (origin + np.timedelta64(round(HORIZON_D) - 1, "D")).astype("datetime64[D]")
    span = {"since": str(origin.astype("datetime64[D]")), "until": str(until)}
    words = [
        t("{expected} reports to expect from {since} to {until}", expected=t.number(value, 2), **span)
        for value in expected.tolist()
    ]
    total = t.number(float(expected.sum()), 0)
    return Scored(
        expected,
        np.full(len(cells), np.nan),
        words,
        verdict=gate.sentence,
        score_words=t("reports to expect in {days} days", days=t.number(HORIZON_D)),
        about=(
            (t("Forecast"), t("{total} reports to expect from {since} to {until}", total=total, **span)),
            (t("Chosen on the past"), gate.sentence),
            (t("Learnt from"), t("{count} reports since {day}", count=len(events), day=_day(events.time[0]))),
            (
                t("Not meant"),
                t(
                    "It expects reports, and reports follow where people look. In a single cell mostly far less "
                    "than one is expected, and most cells listed will see none. No one living there is meant."
                ),
            ),
        ),
    )


def _dated(reports: pd.DataFrame, asked: ReportFilter, town: Town) -> Any:
    fitting = reports[select(reports, asked, town.settings.board_of)]
    fitting = fitting[fitting["time"].notna()]
    if not len(fitting):
        raise NoReportsError
    return fitting


def _day(instant: np.datetime64) -> str:
    return str(instant.astype("datetime64[D]"))
