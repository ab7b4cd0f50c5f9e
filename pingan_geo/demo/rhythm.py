"""When things happen in the demo town: hours, weekdays, seasons, storms.

The shapes follow what little is published: wiring is seen on evenings and in summer, thieves come at 7-9,
12-14 and 18-21 with most in May and least in February and at weekends, roads break after the plum rains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pingan_geo.demo.mesh import Floats, Ints, sums
from pingan_geo.demo.spots import CATEGORIES

#: Reports cover [START, END); END is the demo's today.
START, END = np.datetime64("2025-03-01", "D"), np.datetime64("2026-09-01", "D")
DAYS = int((END - START).astype(int))
MONTHS = np.arange(START.astype("datetime64[M]"), END.astype("datetime64[M]"))

#: Family to (hour, height, width in hours) of its peaks, over a floor of 1.
_HOURS: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "FW": ((19.8, 9.0, 1.8), (22.3, 3.0, 1.2), (12.5, 2.0, 1.2)),
    "FR": ((13.5, 2.0, 2.5), (20.5, 3.0, 2.5), (2.0, 1.0, 1.5)),
    "RD": ((8.2, 6.0, 1.5), (14.5, 4.0, 2.2), (17.6, 5.0, 1.4)),
    "TH": ((8.0, 6.5, 0.9), (13.0, 7.0, 0.9), (19.5, 9.0, 1.2)),
    "LF": ((10.5, 4.0, 1.6), (15.5, 5.0, 1.8), (19.5, 6.0, 1.4)),
    "EN": ((9.8, 9.0, 1.2), (14.3, 10.0, 1.2)),
    "CF": ((9.5, 3.0, 1.5), (18.8, 6.0, 1.6), (20.8, 4.0, 1.2)),
}
_NIGHT_FLOOR = {"FW": 0.15, "FR": 0.8, "RD": 0.10, "TH": 0.55, "LF": 0.05, "EN": 0.03, "CF": 0.12}
#: Burglars come at noon and at night, not as other thieves.
_BURGLARY = ((13.0, 5.0, 1.5), (2.5, 5.0, 1.6), (19.5, 3.0, 1.0))
#: Monday to Sunday.
_WEEK: Mapping[str, tuple[float, ...]] = {
    "FW": (1.0, 0.98, 1.0, 1.0, 1.05, 1.12, 1.1),
    "FR": (1.0, 1.0, 1.0, 1.0, 1.0, 1.05, 1.05),
    "RD": (1.15, 1.05, 1.0, 1.0, 1.05, 0.9, 0.8),
    "TH": (1.06, 1.05, 1.05, 1.05, 1.08, 0.84, 0.80),
    "LF": (0.8, 0.8, 0.85, 0.9, 1.1, 1.4, 1.35),
    "EN": (1.2, 1.2, 1.15, 1.15, 1.1, 0.35, 0.2),
    "CF": (0.95, 0.9, 0.9, 0.95, 1.0, 1.15, 1.2),
}
#: January to December.
_SEASON: Mapping[str, tuple[float, ...]] = {
    "FW": (0.80, 0.70, 0.80, 0.90, 1.00, 1.15, 1.45, 1.40, 1.10, 0.95, 0.85, 0.85),
    "FR": (1.30, 1.40, 1.05, 1.00, 0.85, 0.80, 1.10, 1.15, 0.85, 0.85, 0.95, 1.20),
    "RD": (0.85, 0.85, 0.90, 0.90, 0.90, 1.05, 1.45, 1.35, 1.15, 0.95, 0.85, 0.80),
    "RD3": (0.30, 0.40, 0.60, 0.80, 1.00, 2.20, 1.90, 1.50, 1.30, 0.60, 0.40, 0.30),
    "TH": (0.90, 0.60, 0.95, 1.10, 1.35, 1.15, 1.05, 1.00, 1.00, 1.00, 0.95, 0.95),
    "LF": (0.90, 1.05, 0.95, 1.05, 1.15, 0.95, 0.95, 0.95, 1.00, 1.20, 0.95, 0.90),
    "EN": (0.95, 0.60, 1.10, 1.10, 1.05, 1.15, 1.10, 1.05, 1.00, 0.95, 1.00, 0.95),
    "CF": (1.10, 1.30, 0.95, 0.95, 0.95, 1.00, 1.05, 1.05, 0.95, 0.90, 0.90, 0.95),
}
#: How much more happens on a day of storm.
_STORM = {"RD2": 9.0, "RD3": 22.0, "RD4": 9.0}
_STORM_DAYS_OF_MONTH = (0, 0, 1, 1, 1, 4, 3, 3, 2, 1, 0, 0)


@dataclass(frozen=True)
class Rhythm:
    """When a category happens.

    Parameters
    ----------
    day_share
        (DAYS,) of each day, in years: the sum over any 365 days is about 1.
    hour_cumulated
        (7 * 24,) for drawing an hour: entry ``24 * weekday + hour`` is ``weekday`` plus the share of that
        weekday's incidents that come before the end of the hour.
    """

    day_share: Floats
    hour_cumulated: Floats

    @property
    def month_share(self) -> Floats:
        """(months,) the same summed to months."""
        return sums(MONTH_OF_DAY, self.day_share, len(MONTHS))


def _days() -> NDArray[np.datetime64]:
    return START + np.arange(DAYS).astype("timedelta64[D]")


MONTH_OF_DAY: Ints = (_days().astype("datetime64[M]") - START.astype("datetime64[M]")).astype(np.int64)
#: 0 = Monday; 1970-01-01 was a Thursday.
WEEKDAY_OF_DAY: Ints = (_days().astype(np.int64) + 3) % 7


def build_rhythms(rng: np.random.Generator) -> dict[str, Rhythm]:
    """Return the rhythm of every category; the generator chooses the days of storm."""
    calendar_month = _days().astype("datetime64[M]").astype(np.int64) % 12
    storm = np.zeros(DAYS, dtype=bool)
    for month in range(len(MONTHS)):
        of_month = np.flatnonzero(month == MONTH_OF_DAY)
        storm[rng.choice(of_month, _STORM_DAYS_OF_MONTH[calendar_month[of_month[0]]], replace=False)] = True
    rhythms = {}
    for category in CATEGORIES:
        family = category[:2]
        season = np.array(_SEASON.get(category, _SEASON[family]))
        week = np.array(_WEEK[family])
        share = season[calendar_month] / season.mean() * week[WEEKDAY_OF_DAY] / week.mean()
        if category in _STORM:
            share = share * np.where(storm, _STORM[category], 1.0)
            share = share * DAYS / share.sum()
        rhythms[category] = Rhythm(share / 365, _hour_table(category))
    return rhythms


def _hour_table(category: str) -> Floats:
    family = category[:2]
    hours = np.arange(24) + 0.5
    peaks = _BURGLARY if category == "TH4" else _HOURS[family]
    shares = []
    for weekday in range(7):
        # At weekends the day begins later.
        later = 0.7 if weekday >= 5 else 0.0
        weight = np.where((hours < 6) | (hours > 23), _NIGHT_FLOOR[family], 1.0)
        for hour, height, width in peaks:
            away = np.abs(hours - hour - later)
            away = np.minimum(away, 24 - away)
            weight = weight + height * np.exp(-0.5 * (away / width) ** 2)
        shares.append(weekday + np.cumsum(weight) / weight.sum())
    return np.concatenate(shares)


def draw_hours(rhythm: Rhythm, weekday: Ints, rng: np.random.Generator) -> Ints:
    """Return an hour of the day for incidents on these weekdays."""
    drawn = weekday + rng.uniform(0, 1 - 1e-12, len(weekday))
    return np.searchsorted(rhythm.hour_cumulated, drawn, side="right") - 24 * weekday


def draw_days(rhythm: Rhythm, month: Ints, rng: np.random.Generator) -> Ints:
    """Return a day, counted from START, for incidents in these months."""
    cumulated = np.concatenate([[0.0], np.cumsum(rhythm.day_share)])
    first = np.searchsorted(MONTH_OF_DAY, np.arange(len(MONTHS) + 1))
    low, high = cumulated[first[month]], cumulated[first[month + 1]]
    drawn = low + rng.uniform(0, 1 - 1e-12, len(month)) * (high - low)
    return np.asarray(np.minimum(np.searchsorted(cumulated, drawn, side="right") - 1, DAYS - 1))
