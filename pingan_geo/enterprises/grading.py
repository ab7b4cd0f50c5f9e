"""Grades of firms (红橙黄蓝): points for what is known, a floor by hazard class, and the reasons of each.

A grade orders attention: who is visited more often. It is no probability, and two firms of one grade are not
equally dangerous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError
from pingan_geo.model.enterprise import ENTERPRISE_FACTS, GRADES

_ORDER: Final = tuple(GRADES)  # red first
BLUE: Final = len(_ORDER) - 1
#: Classes of the town's first ten firms; a floor of orange for them is a default of ours, not the law.
FLOORS: Final[Mapping[str, str]] = {"危化品使用": "orange", "有限空间作业": "orange", "喷涂": "orange"}


@dataclass(frozen=True)
class Factor:
    """One thing that is graded by.

    Parameters
    ----------
    name
        Column of ENTERPRISE_FACTS.
    weight
        Points at :attr:`full_at` or above; in between in proportion.
    full_at
        Value from which on it counts in full, in the column's unit.
    """

    name: str
    weight: float
    full_at: float


#: Default factors. Together 100 points. LEC counts in full at 320, the usual cut-off of its highest class.
FACTORS: Final = (
    Factor("lec", 30, 320),
    Factor("standards_short", 20, 1.0),
    Factor("open_hazards", 15, 5),
    Factor("overdue_hazards", 15, 2),
    Factor("incidents_near", 5, 10),
    Factor("silent_days", 10, 5),
    Factor("days_since_visit", 5, 365),
)


@dataclass(frozen=True)
class GradingModel:
    """How firms are graded; all of it is the town's to set.

    Parameters
    ----------
    factors
        What points are given for.
    thresholds
        Least points of red, orange and yellow, falling; below is blue.
    floors
        Hazard class to the mildest grade that a firm of that class can have.
    major_is_red
        An open 重大事故隐患 makes a firm red, whatever its points.
    """

    factors: tuple[Factor, ...] = FACTORS
    thresholds: tuple[float, float, float] = (60.0, 40.0, 20.0)
    floors: Mapping[str, str] = field(default_factory=lambda: dict(FLOORS))
    major_is_red: bool = True

    def __post_init__(self) -> None:
        """Refuse a model that cannot grade."""
        known = [name for name, dtype in ENTERPRISE_FACTS.columns.items() if dtype == "float64"]
        for factor in self.factors:
            if factor.name not in known:
                raise BadChoiceError(name="factor", value=factor.name, expected=", ".join(known))
            if not (factor.weight >= 0 and factor.full_at > 0):
                raise BadChoiceError(name=factor.name, value=factor.weight, expected=">= 0, full_at > 0")
        if not self.thresholds[0] > self.thresholds[1] > self.thresholds[2] > 0:
            raise BadChoiceError(name="thresholds", value=self.thresholds, expected="falling, above 0")
        for hazard_class, grade in self.floors.items():
            if grade not in GRADES:
                raise BadChoiceError(name=f"floors.{hazard_class}", value=grade, expected=", ".join(GRADES))


@dataclass(frozen=True, eq=False)
class Grading:
    """Grades with what they come from; rows as the facts were.

    Parameters
    ----------
    table
        Index ``enterprise_id``; ``grade``, ``points``, ``worst`` (the grade if all that is not known were at its
        worst), ``floor`` (grade of the gravest class, ``""`` none), ``floor_class`` and ``held_by``: what decides
        the grade (``points``, ``floor`` or ``major``).
    points
        float (firms, factors): points of each factor; NaN where the value is not known (it adds none).
    model
        What was graded by.
    """

    table: pd.DataFrame
    points: pd.DataFrame
    model: GradingModel


def grade_enterprises(facts: pd.DataFrame, model: GradingModel | None = None) -> Grading:
    """Grade firms.

    Parameters
    ----------
    facts
        ENTERPRISE_FACTS. NaN is "not known": it adds no points, and ``worst`` says how much that may hide.
    model
        The default one where ``None``.

    Raises
    ------
    BadTableError
        If a column is missing.
    BadChoiceError
        If a firm stands there twice.
    """
    model = model or GradingModel()
    table = ENTERPRISE_FACTS.check(facts)
    twice = table["enterprise_id"][table["enterprise_id"].duplicated()]
    if len(twice):
        raise BadChoiceError(name="enterprise_id", value=sorted(set(twice))[:5], expected="one row each")
    index = pd.Index(table["enterprise_id"], name="enterprise_id")
    names = [factor.name for factor in model.factors]
    values = table[names].to_numpy(float)
    weights = np.array([factor.weight for factor in model.factors])
    full_at = np.array([factor.full_at for factor in model.factors])
    points = np.clip(values / full_at, 0.0, 1.0) * weights
    least = np.nansum(points, axis=1)
    most = np.where(np.isnan(points), weights, points).sum(axis=1)
    floor, floor_class = _floors(table["hazard_classes"], model.floors)
    major = model.major_is_red & (table["major_hazards"].to_numpy(float) > 0)
    by_points = _by_points(least, model.thresholds)
    grade = np.where(major, 0, np.minimum(by_points, floor))
    worst = np.where(major, 0, np.minimum(_by_points(most, model.thresholds), floor))
    held_by = np.select([major, floor < by_points], ["major", "floor"], "points")
    words = np.array([*_ORDER, ""])
    graded = pd.DataFrame(
        {
            "grade": pd.array(words[grade], dtype="str"),
            "points": np.round(least, 9),
            "worst": pd.array(words[worst], dtype="str"),
            "floor": pd.array(words[np.where(floor_class == "", len(_ORDER), floor)], dtype="str"),
            "floor_class": pd.array(floor_class, dtype="str"),
            "held_by": pd.array(held_by, dtype="str"),
        },
        index=index,
    )
    return Grading(graded, pd.DataFrame(points, index=index, columns=names), model)


def what_would_lower(grading: Grading) -> pd.DataFrame:
    """Return, for each firm, the fewest factors that would have to go to nothing for a milder grade.

    Returns
    -------
    DataFrame
        Index ``enterprise_id``; ``to`` (the milder grade, ``""`` where none can be had by these), ``factors``
        (names joined by ";", the heaviest first) and ``points`` (to lose at least).

    Notes
    -----
    It names what counts most in this model, not what would make the firm safe. Where a floor or an open
    重大事故隐患 holds the grade, no factor lowers it and ``to`` is empty.
    """
    model, table = grading.model, grading.table
    points = grading.points.fillna(0.0).to_numpy()
    level = np.array([_ORDER.index(grade) for grade in table["grade"]], dtype=int)
    floor = np.array([_ORDER.index(grade) if grade else BLUE for grade in table["floor"]], dtype=int)
    free = (level < np.minimum(floor, BLUE)) & (table["held_by"] != "major").to_numpy()
    # to be milder than grade g the points must fall below g's own threshold
    below = np.array([*model.thresholds, 0.0])[level]
    order = np.argsort(-points, axis=1, kind="stable")
    lost = np.cumsum(np.take_along_axis(points, order, axis=1), axis=1)
    needed = table["points"].to_numpy() - below
    enough = lost > needed[:, None] - 1e-9
    fewest = np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, 0)
    names = np.array(grading.points.columns)
    rows = [
        ";".join(names[order[row, : fewest[row]]]) if free[row] and fewest[row] else ""
        for row in range(len(table))
    ]
    helped = np.array([bool(row) for row in rows])
    after = np.where(helped, table["points"].to_numpy() - _lost(lost, fewest), np.nan)
    milder = np.minimum(_by_points(np.nan_to_num(after), model.thresholds), floor)
    return pd.DataFrame(
        {
            "to": pd.array(np.where(helped, np.array(_ORDER)[milder], ""), dtype="str"),
            "factors": pd.array(rows, dtype="str"),
            "points": np.where(helped, np.maximum(needed, 0.0), np.nan),
        },
        index=table.index,
    )


def which_grades_flip(
    facts: pd.DataFrame, model: GradingModel | None = None, by: float = 0.2
) -> pd.DataFrame:
    """Return which grades change when one weight moves up or down by a share.

    Parameters
    ----------
    facts, model
        As for :func:`grade_enterprises`.
    by
        Share (0-1) by which one weight at a time is moved, the others kept.

    Returns
    -------
    DataFrame
        One row per firm, factor and direction that changes the grade: ``enterprise_id, factor, change`` (``+`` or
        ``-``), ``grade``, ``becomes``. Empty when the grades do not hang on the weights.

    Raises
    ------
    BadChoiceError
        If ``by`` is not between 0 and 1.
    """
    if not 0 < by < 1:
        raise BadChoiceError(name="by", value=by, expected="between 0 and 1")
    model = model or GradingModel()
    now = grade_enterprises(facts, model).table["grade"]
    parts = []
    for position, factor in enumerate(model.factors):
        for sign, change in (("+", 1 + by), ("-", 1 - by)):
            moved = list(model.factors)
            moved[position] = replace(factor, weight=factor.weight * change)
            then = grade_enterprises(facts, replace(model, factors=tuple(moved))).table["grade"]
            flipped = now.index[(then != now).to_numpy()]
            parts.append(
                pd.DataFrame(
                    {
                        "enterprise_id": flipped,
                        "factor": factor.name,
                        "change": sign,
                        "grade": now[flipped].to_numpy(),
                        "becomes": then[flipped].to_numpy(),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _by_points(points: NDArray[np.float64], thresholds: tuple[float, float, float]) -> NDArray[np.int64]:
    """Return 0 (red) to 3 (blue); the rounding keeps a sum of 60 from being 59.99999."""
    level: NDArray[np.int64] = (np.round(points, 9)[:, None] < np.array(thresholds)).sum(axis=1)
    return level


def _lost(lost: NDArray[np.float64], fewest: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.take_along_axis(lost, np.maximum(fewest - 1, 0)[:, None], axis=1)[:, 0]


def _floors(classes: pd.Series, floors: Mapping[str, str]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return the gravest floor of each firm's classes (3 where none) and the class that sets it."""
    known = classes.drop_duplicates()
    gravest = {
        joined: min(
            ((_ORDER.index(floors[name]), name) for name in joined.split(";") if name in floors),
            default=(BLUE, ""),
        )
        for joined in known
    }
    pairs = [gravest[joined] for joined in classes]
    return np.array([pair[0] for pair in pairs], dtype=int), np.array(
        [pair[1] for pair in pairs], dtype=object
    )
