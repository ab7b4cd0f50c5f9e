"""What a forecast learns from: how much was reported in and around each cell, near and far, lately and long ago.

Each column is made from one :class:`~pingan_geo.stats.forecasting.history.History`, so that it is the same
whether an instant is the origin of the forecast or a past one to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pingan_geo.stats.forecasting.history import Floats, History, Region
from pingan_geo.stats.forecasting.rasters import QUICK, gaussian_sums

#: Days after which a report counts a 2.7th; the last is "for ever".
DECAYS_D: Final = (28.0, 90.0, 365.0, np.inf)
#: Standard deviations of kernels, metres; those too fine for the cells of a region are left out.
WIDTHS_M: Final = (40.0, 90.0, 150.0, 250.0, 400.0, 650.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)
MOST_WIDTHS: Final = 7
#: A narrower kernel, in spacings of the cells, would see only what lies at a cell's very centre.
_FINEST: Final = 0.4

#: Features kept: those of an origin with its past windows, and of the next one.
_KEPT: Final = 14

_SEASON_D: Final = 21.0
_YEAR_D: Final = 365.25


@dataclass(frozen=True, eq=False)
class Features:
    """Columns of numbers of 0 or more, one row a cell; not to be written to.

    Parameters
    ----------
    sums
        cells × columns: reports per window, smoothed. For each decay the cell's own, then for each width
        and decay those around it.
    further
        cells × columns: of the same season in earlier years, own and around; places (different
        coordinates) in the cell and around; reports at a place that had one before; the most at one place.
    last_d
        Days since the cell's last report; the length of the record where there is none.
    """

    sums: Floats
    further: Floats
    last_d: Floats


def spacing_m(region: Region) -> float:
    """Return the distance from the centre of a cell to the next, metres."""
    return float(np.sqrt(region.area_m2.mean() * 2.0 / np.sqrt(3.0)))


def widths_of(region: Region) -> tuple[float, ...]:
    """Return the widths of kernels that fit the cells of a region, metres, ascending."""
    finest = _FINEST * spacing_m(region)
    fitting = tuple(width for width in WIDTHS_M if width >= finest)
    return fitting[:MOST_WIDTHS] or WIDTHS_M[-1:]


def features_of(history: History, window_d: float) -> Features:
    """Return the features of each cell at the origin of a history; sums are per ``window_d`` days.

    Those last made are kept: in a back-test the past windows of one origin are nearly all those of the one
    before it.
    """
    return _features_of(_Asked(history, window_d))


class _Asked:
    """A history and a window, equal to another by what is in them and not by which objects they are."""

    def __init__(self, history: History, window_d: float) -> None:
        self.history, self.window_d = history, window_d
        digest = blake2b(digest_size=16)
        for part in (history.region.cells, history.cell, history.x_m, history.y_m, history.age_d):
            digest.update(np.ascontiguousarray(part).tobytes())
        self._content = (digest.digest(), history.span_d, window_d)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


@lru_cache(maxsize=_KEPT)
def _features_of(asked: _Asked) -> Features:
    history, window_d = asked.history, asked.window_d
    cells = len(history.region)
    inside = history.cell >= 0
    own = history.cell[inside]
    weights = np.array([_decayed(history, decay, window_d) for decay in DECAYS_D])
    widths = widths_of(history.region)
    middle = widths[len(widths) // 2]

    columns = [np.bincount(own, weights=each[inside], minlength=cells) for each in weights]
    for width in widths:
        columns.extend(smooth(history, weights, width))

    season = _same_season(history, window_d)
    first, times = _places(history)
    again = np.where(first, 0.0, window_d / history.span_d)
    most = np.zeros(cells)
    np.maximum.at(most, own, times[inside].astype(np.float64))
    last = np.full(cells, history.span_d)
    np.minimum.at(last, own, history.age_d[inside])
    further = [
        np.bincount(own, weights=season[inside], minlength=cells),
        smooth(history, season[None], middle)[0],
        np.bincount(own, weights=first[inside].astype(np.float64), minlength=cells),
        np.bincount(own, weights=again[inside], minlength=cells),
        most,
        *(smooth(history, first[None].astype(np.float64), width)[0] for width in widths[1::2]),
    ]
    found = Features(np.column_stack(columns), np.column_stack(further), last)
    for part in (found.sums, found.further, found.last_d):
        part.flags.writeable = False  # shared by all who ask for the same
    return found


def smooth(history: History, weights: Floats, width_m: float) -> Floats:
    """Return weighted reports that each cell would get, smoothed by a Gaussian, sets x cells.

    Parameters
    ----------
    weights
        Sets x reports, of 0 or more.
    width_m
        Standard deviation, metres.
    """
    region = history.region
    sums = gaussian_sums(history.x_m, history.y_m, weights, region.x_m, region.y_m, width_m, QUICK)
    return np.asarray(sums * region.area_m2, dtype=np.float64)


def _decayed(history: History, decay_d: float, window_d: float) -> Floats:
    """Return what each report counts, so that a steady rate sums to the reports of a window."""
    if np.isinf(decay_d):
        return np.full(len(history), window_d / history.span_d)
    lasted = decay_d * -np.expm1(-history.span_d / decay_d)
    return np.asarray(np.exp(-history.age_d / decay_d) * (window_d / lasted), dtype=np.float64)


def _same_season(history: History, window_d: float) -> Floats:
    """Return what each report counts for the season of the coming window; without a whole year, all alike."""
    worth = np.zeros(len(history))
    years = int((history.span_d - window_d / 2.0 - _SEASON_D) // _YEAR_D)
    if years < 1:
        return np.full(len(history), window_d / history.span_d)
    for year in range(1, years + 1):
        away = (history.age_d - (_YEAR_D * year - window_d / 2.0)) / _SEASON_D
        worth += np.exp(-0.5 * away**2)
    return np.asarray(worth * (window_d / (_SEASON_D * np.sqrt(2.0 * np.pi)) / years), dtype=np.float64)


def _places(history: History) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which report was the first at its place (to a metre), and how many its place has."""
    metre = np.round(np.column_stack([history.x_m, history.y_m])).astype(np.int64)
    # one number a place is sorted ten times faster than pairs
    key = metre[:, 0] * 100_000_000 + metre[:, 1]
    _, index, inverse, times = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    first = np.zeros(len(history), dtype=np.bool_)
    first[index] = True
    return first, times[inverse]
