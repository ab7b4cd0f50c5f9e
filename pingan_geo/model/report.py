"""A question to the reports: which categories, when, where, from whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Period:
    """A half-open period ``[since, until)`` of the town's wall-clock time.

    Parameters
    ----------
    since, until
        Naive instants; ``None`` is open on that side.
    """

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class ReportFilter:
    """What is asked of the reports; empty means no limit.

    Parameters
    ----------
    categories
        Codes of the taxonomy.
    boards
        Codes of the three boards (三大板块): ``home``, ``enterprise``, ``commerce``.
    period
        Half-open; a report known only as an interval counts by its start.
    hours
        Hours of the day, 0–23. A report known as an interval fits when all of it lies in these hours; one
        known only by its day never does.
    weekdays
        0 = Monday … 6 = Sunday.
    villages, grids
        Codes of polygons.
    sources
        Names of ledgers.
    origin
        ``reported``, ``found``, or ``""`` for both; the two are never mixed unasked.
    batch
        Only the reports of this import.
    """

    categories: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    period: Period = Period()
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    villages: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    origin: str = "reported"
    batch: int | None = None
