"""What was asked and what must be said beside every result, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pingan_geo.i18n import Translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.settings import Settings


def town_notice(settings: Settings, t: Translator) -> str:
    """Return what must stand on every map and export of a town; ``""`` when nothing must."""
    synthetic = t("Synthetic data, not real events") if settings.synthetic else ""
    return " · ".join(part for part in (synthetic, settings.notice) if part)


def say_filter(settings: Settings, asked: ReportFilter, t: Translator) -> list[tuple[str, str]]:
    """Return what was asked as (label, text) pairs: the period and every limit set."""
    names = {one.code: t.pick(one.name, one.name_en) for one in settings.categories}
    boards = {one.code: t.pick(one.name, one.name_en) for one in settings.boards}
    lines = [(t("Period"), _period(asked, t))]
    for label, codes, words in (
        (t("Categories"), asked.categories, names),
        (t("Boards"), asked.boards, boards),
        (t("Villages"), asked.villages, {}),
        (t("Grids"), asked.grids, {}),
        (t("Sources"), asked.sources, {}),
    ):
        if codes:
            lines.append((label, t(", ").join(words.get(code, code) for code in codes)))
    if asked.hours:
        lines.append((t("Hours"), _hours(asked.hours, t)))
    if asked.weekdays:
        lines.append((t("Weekdays"), t(", ").join(t.weekday(day) for day in asked.weekdays)))
    return lines


def _period(asked: ReportFilter, t: Translator) -> str:
    since, until = asked.period.since, asked.period.until
    if since is None and until is None:
        return t("all reports")
    if since is None:
        return t("before {until}", until=_instant(until))
    if until is None:
        return t("from {since} on", since=_instant(since))
    return t("from {since}, before {until}", since=_instant(since), until=_instant(until))


def _instant(instant: datetime | None) -> str:
    if instant is None:
        return ""
    return (
        instant.date().isoformat()
        if instant.time() == datetime.min.time()
        else instant.isoformat(" ", "minutes")
    )


def _hours(hours: Sequence[int], t: Translator) -> str:
    """Return hours as runs, e.g. 18–23 h; a run may pass midnight."""
    chosen = sorted(set(hours))
    if len(chosen) == 24:
        return t("{start}–{end} h", start=0, end=24)
    runs = [
        t("{start}–{end} h", start=hour, end=_run_end(hour, chosen))
        for hour in chosen
        if (hour - 1) % 24 not in chosen
    ]
    return t(", ").join(runs)


def _run_end(hour: int, chosen: Sequence[int]) -> int:
    end = hour + 1
    while end % 24 in chosen:
        end += 1
    return (end - 1) % 24 + 1


def say_days(period: Period, t: Translator) -> str:
    """Return a closed period in short numbers, its last day included."""
    if period.since is None or period.until is None:
        return ""
    last = period.until - timedelta(seconds=1)
    return t("{first} to {last}", first=period.since.date().isoformat(), last=last.date().isoformat())
