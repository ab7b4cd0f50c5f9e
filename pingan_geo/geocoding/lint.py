"""What is wrong in a gazetteer: each problem would give somebody a wrong place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.geocoding.addresses import plain
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.model.place import LEVELS
from pingan_geo.model.tables import TableSpec

#: Twins lie further apart than this, metres.
TWINS_M = 100.0
#: A point may lie this far outside its village or the town before it is said, metres.
OUTSIDE_M = 50.0
#: A door must lie further than this from where its number belongs, metres, and than the usual deviation.
OUT_OF_SEQUENCE_M = 150.0
_TIMES_USUAL = 6.0
#: Fewer numbers on one side of a road show no sequence.
_LEAST_NUMBERS = 5

#: Problems found, one row for each.
GAZETTEER_PROBLEMS = TableSpec(
    "gazetteer problems",
    {
        "problem": "str",  # no_name | only_number | unknown_level | twins | outside_town | outside_village | out_of_sequence
        "entry_ids": "str",  # joined by ";"
        "name": "str",
        "detail": "str",  # metres, the other name, the level: what a person needs to find the mistake
        "lon": "float64",
        "lat": "float64",
    },
)

_Row = tuple[str, list[int], str]


def check_gazetteer(gazetteer: Gazetteer) -> Any:
    """Return what is wrong in a gazetteer.

    Returns
    -------
    pandas.DataFrame
        GAZETTEER_PROBLEMS, sorted by problem and name. ``no_name``: nothing is left of the name;
        ``only_number``: a number without what it belongs to; ``unknown_level``: an alias of no level;
        ``twins``: one name more than 100 m apart; ``outside_town``, ``outside_village``: further than 50 m
        (detail: metres, of villages also the code); ``out_of_sequence``: a house number far from where its
        neighbours of the same parity put it (detail: metres).
    """
    rows: list[_Row] = [
        *_names(gazetteer),
        *_twins(gazetteer),
        *_outside(gazetteer),
        *_out_of_sequence(gazetteer),
    ]
    rows.sort(key=lambda row: (row[0], gazetteer.names[row[1][0]], row[1]))
    first = [entries[0] for _, entries, _ in rows]
    found = {
        "problem": [problem for problem, _, _ in rows],
        "entry_ids": [";".join(gazetteer.entry_ids[entry] for entry in entries) for _, entries, _ in rows],
        "name": [gazetteer.names[entry] for entry in first],
        "detail": [detail for _, _, detail in rows],
        "lon": gazetteer.lon[first],
        "lat": gazetteer.lat[first],
    }
    return pd.DataFrame(
        {
            column: pd.Series(found[column], dtype=dtype)
            for column, dtype in GAZETTEER_PROBLEMS.columns.items()
        }
    )


def _names(gazetteer: Gazetteer) -> Iterator[_Row]:
    for entry, normal in enumerate(gazetteer.normal):
        name = plain(normal)
        if not name:
            yield "no_name", [entry], ""
        elif re.fullmatch(r"[\dA-Z.#\-]*(?:号|弄|幢|室)?", name) and re.search(r"\d", name):
            yield "only_number", [entry], ""
        elif gazetteer.sources[entry] == "alias" and gazetteer.kinds[entry] not in {*LEVELS, ""}:
            yield "unknown_level", [entry], gazetteer.kinds[entry]


def _twins(gazetteer: Gazetteer) -> Iterator[_Row]:
    # a name with its districts, so that 人民路1号 of two towns are no twins
    by_name: dict[str, list[int]] = {}
    for entry, normal in enumerate(gazetteer.normal):
        if plain(normal):
            by_name.setdefault(plain(normal), []).append(entry)
    for entries in by_name.values():
        if len(entries) > 1:
            x, y = gazetteer.x[entries], gazetteer.y[entries]
            metres = float(np.hypot(x[:, None] - x, y[:, None] - y).max())
            if metres > TWINS_M:
                yield "twins", entries, f"{metres:.0f}"


def _outside(gazetteer: Gazetteer) -> Iterator[_Row]:
    points = shapely.points(gazetteer.x, gazetteer.y)
    if gazetteer.area is not None:
        away = shapely.distance(gazetteer.in_metres(gazetteer.area), points)
        for entry in np.flatnonzero(away > OUTSIDE_M).tolist():
            yield "outside_town", [entry], f"{away[entry]:.0f}"
    village_ids = np.array(gazetteer.village_ids, dtype=object)
    for code, shape in gazetteer.villages.values():
        there = np.flatnonzero(village_ids == code)
        if len(there):
            away = shapely.distance(gazetteer.in_metres(shape), points[there])
            for index in np.flatnonzero(away > OUTSIDE_M).tolist():
                yield "outside_village", [int(there[index])], f"{code} {away[index]:.0f}"


def _out_of_sequence(gazetteer: Gazetteer) -> Iterator[_Row]:
    for name in gazetteer.streets:
        if not gazetteer.is_road(name):
            continue
        numbers, entries = gazetteer.streets[name].numbers()
        for parity in (0, 1):
            side = entries[numbers % 2 == parity]
            if len(side) < _LEAST_NUMBERS:
                continue
            x, y = gazetteer.x[side], gazetteer.y[side]
            metres = _misplaced(numbers[numbers % 2 == parity].astype(np.float64), x, y)
            for index in np.flatnonzero(metres > OUT_OF_SEQUENCE_M).tolist():
                yield "out_of_sequence", [int(side[index])], f"{metres[index]:.0f}"


def _misplaced(
    numbers: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far each door lies from where its number belongs, metres; 0 where that is usual.

    Where it belongs is the median of what three pairs of neighbours in the sequence say, so that a neighbour
    that is itself misplaced does not accuse it, and a bend of the road does not either.
    """
    count = len(numbers)
    away = np.zeros(count)
    for index in range(count):
        guesses = []
        for low, high in ((-1, 1), (-2, 2), (-2, 1), (-1, 2), (-2, -1), (1, 2)):
            first, second = index + low, index + high
            if first < 0 or second >= count or numbers[first] == numbers[second]:
                continue
            along = (numbers[index] - numbers[first]) / (numbers[second] - numbers[first])
            if -2.0 <= along <= 3.0:
                guesses.append(
                    (x[first] + along * (x[second] - x[first]), y[first] + along * (y[second] - y[first]))
                )
        if guesses:
            expected = np.median(np.array(guesses), axis=0)
            away[index] = np.hypot(x[index] - expected[0], y[index] - expected[1])
    usual = float(np.median(away))
    worst = np.where(away > _TIMES_USUAL * max(usual, 10.0), away, 0.0)
    # a misplaced door draws its neighbours' expectations away: of neighbours only the worst is the culprit
    for index in np.argsort(-worst, kind="stable"):
        if worst[index] > 0:
            near = slice(max(index - 2, 0), index + 3)
            rest = worst[near].copy()
            rest[worst[near] < worst[index]] = 0.0
            worst[near] = rest
    return worst
