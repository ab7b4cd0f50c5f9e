"""Which datum a file's numbers are in, judged by rows that also name a known place.

A row speaks for a datum when, read in it, it lies near its place and clearly farther from it in every
other one. Rows whose place is wrong in the gazetteer then speak for none, and cannot turn the answer;
a file that mixes datums has rows that speak clearly for two, and is not answered but asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrc

from pingan_geo.coords import from_wgs84, parse_datum, to_wgs84
from pingan_geo.errors import UnalignedIndexError

#: Fewer rows are asked about and never decided.
LEAST_ROWS: Final = 10
#: Rows of one or two places repeat one opinion.
LEAST_PLACES: Final = 3
#: A report of a place is made beside it: this far, beyond the place's own radius, still fits.
SLACK_M: Final = 200.0
#: A row fits one datum only when it is at most this far, as a share of the distance in any other.
_CLEARLY_NEARER: Final = 2 / 3
#: Rows that fit the chosen datum, of those usable; the rest must fit none.
_LEAST_SHARE: Final = 0.5
#: Chance, were both datums as likely, of so many rows for the first against the second.
_MOST_CHANCE: Final = 0.05
#: From so many rows, and so large a share of those that fit, on, a second datum is a mixture and no noise.
_MIXED_ROWS, _MIXED_SHARE = 3, 0.12
#: Datums that put the same numbers this near together are one: WGS-84 and GCJ-02 abroad.
_SAME_M: Final = 5.0

_DEGREE_LON_M, _DEGREE_LAT_M = 111_320.0, 110_574.0


@dataclass(frozen=True)
class DatumFit:
    """How well a file fits one datum.

    Parameters
    ----------
    datum
        As :func:`pingan_geo.coords.parse_datum` names it.
    rows
        Usable rows that fit it and no other.
    median_m
        Median distance of all usable rows from their places; NaN when none is usable.
    """

    datum: str
    rows: int
    median_m: float


@dataclass(frozen=True)
class DatumGuess:
    """What the known places say about a file's datum.

    Parameters
    ----------
    usable
        Rows that have coordinates and a known place small enough to tell the datums apart.
    places
        Different known places among them.
    fits
        One for each datum asked about, most rows first. Datums that are the same here stand once, under
        the name that was asked first.
    datum
        The one chosen, ``""`` when a person must choose.
    clear
        Whether one was chosen.
    reason
        ``clear``; ``same`` (chosen, and another datum gives the same places, as outside China);
        ``too_few`` rows or places; ``none_fits``; ``mixed`` (a second datum fits a part of the rows: ask
        for each source); ``no_margin``.
    rows
        One for each row given, in order: ``usable``; ``fits``, the datum or ``""``; and for each datum
        ``<datum>_m``, the distance from the known place in metres, NaN where unknown.
    """

    usable: int
    places: int
    fits: tuple[DatumFit, ...]
    datum: str
    clear: bool
    reason: str
    rows: pd.DataFrame = field(repr=False, compare=False)


def guess_datum(
    x: ArrayLike,
    y: ArrayLike,
    known_lon: ArrayLike,
    known_lat: ArrayLike,
    known_radius_m: ArrayLike,
    *,
    candidates: Sequence[str] = ("wgs84", "gcj02", "bd09"),
) -> DatumGuess:
    """Say in which datum a file's coordinates are, from rows that also name a known place.

    Parameters
    ----------
    x, y
        Longitude and latitude in degrees as the file writes them.
    known_lon, known_lat
        WGS-84 degrees of the place that the same row names; NaN where none is known.
    known_radius_m
        Within this the place lies; NaN counts as a point. A place wider than half of the distance
        between two datums cannot tell them apart, and its row is not used.
    candidates
        Datums that are possible.

    Returns
    -------
    DatumGuess
        It chooses only from :data:`LEAST_ROWS` usable rows of :data:`LEAST_PLACES` places on, when at
        least half of them fit one datum, hardly any fits another, and the median distance is clearly the
        smallest.

    Raises
    ------
    UnalignedIndexError
        If there are not as many of each.
    UnknownDatumError
        If a candidate is none.
    """
    columns = [
        np.ravel(np.asarray(each, dtype=np.float64)) for each in (x, y, known_lon, known_lat, known_radius_m)
    ]
    if len({each.size for each in columns}) > 1:
        raise UnalignedIndexError(left="coordinates", right="known places")
    first, second, lon, lat, radius_m = columns
    there = np.isfinite(first) & np.isfinite(second) & np.isfinite(lon) & np.isfinite(lat)
    there &= (np.abs(first) <= 180) & (np.abs(second) <= 90)
    radius_m = np.where(np.isnan(radius_m), 0.0, radius_m)
    names = asked = list(dict.fromkeys(parse_datum(name) for name in candidates))
    separation = _separations(lon[there], lat[there], names)
    distinct = _distinct(separation)
    names, separation = [names[place] for place in distinct], separation[np.ix_(distinct, distinct)]
    usable = there.copy()
    usable[there] = radius_m[there] <= _closest(separation) / 2
    distance_m = np.full((first.size, len(names)), np.nan)
    for place, name in enumerate(names):
        read = to_wgs84(first[usable], second[usable], name)
        distance_m[usable, place] = _apart_m(*read, lon[usable], lat[usable])
    choice = _choose(distance_m[usable], radius_m[usable])
    fitting = np.full(first.size, "", dtype=object)
    fitting[usable] = np.array([*names, ""], dtype=object)[choice]
    medians = np.median(distance_m[usable], axis=0) if usable.any() else np.full(len(names), np.nan)
    counts = np.bincount(choice, minlength=len(names) + 1)[: len(names)]
    fits = [
        DatumFit(name, int(count), float(median))
        for name, count, median in zip(names, counts, medians, strict=True)
    ]
    fits.sort(key=lambda fit: (-fit.rows, fit.median_m, names.index(fit.datum)))
    places = len(np.unique(np.round(np.column_stack([lon[usable], lat[usable]]), 6), axis=0))
    reason = _judge(int(usable.sum()), places, fits)
    if reason == "clear" and fits[0].datum in _doubled(asked, names, lon[usable], lat[usable]):
        reason = "same"
    clear = reason in ("clear", "same")
    rows = pd.DataFrame({"usable": usable, "fits": pd.array(fitting, dtype="str")})
    for place, name in enumerate(names):
        rows[f"{name}_m"] = distance_m[:, place]
    return DatumGuess(
        usable=int(usable.sum()),
        places=places,
        fits=tuple(fits),
        datum=fits[0].datum if clear else "",
        clear=clear,
        reason=reason,
        rows=rows,
    )


def _judge(usable: int, places: int, fits: Sequence[DatumFit]) -> str:
    """Return the reason code; ``fits`` stand in order of rows."""
    best = fits[0]
    other = fits[1] if len(fits) > 1 else DatumFit("", 0, np.inf)
    if usable < LEAST_ROWS or places < LEAST_PLACES:
        return "too_few"
    if not best.rows:
        return "none_fits"
    if other.rows >= max(_MIXED_ROWS, _MIXED_SHARE * (best.rows + other.rows)):
        return "mixed"
    if best.rows < _LEAST_SHARE * usable:
        return "none_fits" if sum(fit.rows for fit in fits) < _LEAST_SHARE * usable else "no_margin"
    chance = float(bdtrc(best.rows - 1, best.rows + other.rows, 0.5))  # of so many or more
    nearest_other_m = min((fit.median_m for fit in fits[1:]), default=np.inf)
    if chance > _MOST_CHANCE or best.median_m > _CLEARLY_NEARER * nearest_other_m:
        return "no_margin"
    return "clear"


def _choose(distance_m: NDArray[np.float64], radius_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of the datum that each row fits, the number of datums where it fits none."""
    rows, count = distance_m.shape
    if not rows:
        return np.empty(0, dtype=np.int64)
    order = np.argsort(distance_m, axis=1, kind="stable")
    nearest = np.take_along_axis(distance_m, order[:, :1], axis=1)[:, 0]
    next_nearest = (
        np.take_along_axis(distance_m, order[:, 1:2], axis=1)[:, 0] if count > 1 else np.full(rows, np.inf)
    )
    fits = (nearest <= radius_m + SLACK_M) & (nearest <= _CLEARLY_NEARER * next_nearest)
    return np.where(fits, order[:, 0], count).astype(np.int64)


def _separations(lon: NDArray[np.float64], lat: NDArray[np.float64], names: Sequence[str]) -> Any:
    """Return how far apart two datums read the same numbers, by datum, datum and row."""
    written = [from_wgs84(lon, lat, name) for name in names]
    apart = np.zeros((len(names), len(names), lon.size))
    for one in range(len(names)):
        for two in range(one):
            apart[one, two] = apart[two, one] = _apart_m(*written[one], *written[two])
    return apart


def _distinct(separation: Any) -> list[int]:
    """Return the datums that differ from all named before them."""
    if not separation.shape[2]:
        return list(range(len(separation)))
    widest = separation.max(axis=2)
    kept: list[int] = []
    for place in range(len(separation)):
        if all(widest[place, earlier] > _SAME_M for earlier in kept):
            kept.append(place)
    return kept


def _doubled(
    asked: Sequence[str], kept: Sequence[str], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> set[str]:
    """Return the kept datums for which another one that was asked about gives the same places."""
    left = [name for name in asked if name not in kept]
    apart = _separations(lon, lat, [*kept, *left]).max(axis=2)
    return {name for place, name in enumerate(kept) if (apart[place, len(kept) :] <= _SAME_M).any()}


def _closest(separation: Any) -> NDArray[np.float64]:
    """Return for each row how far apart the two datums are that are hardest to tell."""
    count, _, rows = separation.shape
    if count < 2:
        return np.full(rows, np.inf)
    pairs = np.triu_indices(count, 1)
    closest: NDArray[np.float64] = separation[pairs].min(axis=0)
    return closest


def _apart_m(
    lon: NDArray[np.float64], lat: NDArray[np.float64], other_lon: Any, other_lat: Any
) -> NDArray[np.float64]:
    """Return metres between places a few kilometres apart; true to 1 %."""
    east = (lon - other_lon) * _DEGREE_LON_M * np.cos(np.radians(other_lat))
    return np.asarray(np.hypot(east, (lat - other_lat) * _DEGREE_LAT_M), dtype=np.float64)
