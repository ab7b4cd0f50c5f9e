"""What one visitor asks and in which language: kept in the session, written into the address.

A copied link opened by somebody else shows the same. Nothing from an address is trusted: each value must be
one that is offered, and what is not is left out and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import streamlit as st

from pingan_geo.i18n import LOCALES, Translator, mark, translator
from pingan_geo.model.report import Period, ReportFilter

#: Stands in the address for no overlay at all, and for nothing to set reports against.
NONE = "none"
#: What the map can draw.
LAYERS: Mapping[str, str] = {
    "cells": mark("Hexagons"),
    "density": mark("Density"),
    "grids": mark("Grids"),
    "villages": mark("Villages"),
    "points": mark("Single reports"),
    "seen": mark("Where people look"),
    "alerts": mark("Alerts after a report"),
}
#: Who looks: the town's settings say which H3 resolution that is.
DETAILS: Mapping[str, str] = {"leader": mark("Overview"), "patrol": mark("Patrol")}
OVERLAYS: Mapping[str, str] = {
    "posts": mark("Safety posts"),
    "stations": mark("Alliance stations"),
    "enterprises": mark("Enterprises"),
    "places": mark("Named places"),
    "beats": mark("Police beats"),
    "roads": mark("Roads"),
    "waters": mark("Waters"),
}
PRESETS: Mapping[str, str] = {
    "7d": mark("Last 7 days"),
    "30d": mark("Last 30 days"),
    "90d": mark("Last 90 days"),
    "365d": mark("Last 365 days"),
    "all": mark("All"),
    "custom": mark("From … to …"),
}
ORIGINS: Mapping[str, str] = {
    "reported": mark("Reported by the public"),
    "found": mark("Found on patrol"),
    "all": mark("Both"),
}
METHODS: Mapping[str, str] = {
    "count": mark("Number of reports"),
    "density": mark("Density"),
    "gi": mark("Gi* test"),
    "scan": mark("New clusters"),
    "near_repeat": mark("Near repeats"),
    "forecast": mark("Forecast"),
}
#: How wide the kernel of a density is.
RULES: Mapping[str, str] = {
    "usual": mark("About a cell"),
    "cv": mark("Cross-validated"),
    "adaptive": mark("Adaptive"),
}
#: What a density or Gi* may be set against.
AGAINST: Mapping[str, str] = {
    NONE: mark("Area"),
    "all": mark("All reports"),
    "households": mark("Households"),
    "enterprises": mark("Enterprises"),
}
#: Which clusters are looked for.
ENDS: Mapping[str, str] = {"now": mark("Still lasting"), "any": mark("Also past ones")}
CUTS: Mapping[str, str] = {
    "significant": mark("Significant only"),
    "top": mark("First N cells"),
    "coverage": mark("Share of the area"),
}
#: Question field to its name in the address, in this order.
ADDRESS: Mapping[str, str] = {
    "layer": "layer",
    "detail": "detail",
    "overlays": "with",
    "categories": "category",
    "boards": "board",
    "preset": "period",
    "since": "since",
    "until": "until",
    "hours": "hours",
    "weekdays": "weekdays",
    "villages": "village",
    "grids": "grid",
    "sources": "source",
    "origin": "origin",
    "pick": "pick",
    "method": "method",
    "cut": "cut",
    "top": "top",
    "coverage": "coverage",
    "rule": "kernel",
    "against": "against",
    "ends": "ends",
}
_RANGES = {"hours": 24, "weekdays": 7}
_LONGEST, _MOST = 200, 500


@dataclass(frozen=True)
class Question:
    """All that a visitor has chosen on the map and the hotspot page.

    Parameters
    ----------
    since, until
        Half-open days, used when ``preset`` is ``custom``.
    pick
        ``cell:…``, ``grid:…`` or ``village:…``; empty when nothing is picked.
    coverage
        Share of the area in percent.
    """

    layer: str = "cells"
    detail: str = "leader"
    overlays: tuple[str, ...] = ("roads", "waters")
    categories: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    preset: str = "90d"
    since: date | None = None
    until: date | None = None
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    villages: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    origin: str = "reported"
    pick: str = ""
    method: str = "count"
    cut: str = "top"
    top: int = 20
    coverage: float = 2.0
    rule: str = "usual"
    against: str = NONE
    ends: str = "now"

    def period(self, today: date) -> Period:
        """Return the half-open period meant; presets end with ``today``."""
        if self.preset == "all":
            return Period()
        if self.preset == "custom":
            return Period(_midnight(self.since), _midnight(self.until))
        until = today + timedelta(days=1)
        return Period(_midnight(until - timedelta(days=int(self.preset[:-1]))), _midnight(until))

    def report_filter(self, today: date) -> ReportFilter:
        """Return the question as the workflows take it."""
        return ReportFilter(
            categories=self.categories,
            boards=self.boards,
            period=self.period(today),
            hours=self.hours,
            weekdays=self.weekdays,
            villages=self.villages,
            grids=self.grids,
            sources=self.sources,
            origin="" if self.origin == "all" else self.origin,
        )


@dataclass(frozen=True)
class Choices:
    """What a town offers: field of :class:`Question` to allowed values and their names."""

    names: Mapping[str, Mapping[str, str]]

    def of(self, name: str) -> Mapping[str, str]:
        """Return code to name of one field."""
        return self.names.get(name, {})


@dataclass(frozen=True)
class Refused:
    """A value of the address that is not offered."""

    name: str
    value: str


#: Methods that say themselves which cells to list.
_TESTED = frozenset({"gi", "scan", "near_repeat"})


def cuts_of(method: str) -> dict[str, str]:
    """Return how a list by this method may be cut, the usual way first: only a test knows what is significant."""
    return {code: name for code, name in CUTS.items() if method in _TESTED or code != "significant"}


def fixed_choices() -> dict[str, Mapping[str, str]]:
    """Return the choices that are the same in every town: code to msgid."""
    return {
        "layer": LAYERS,
        "detail": DETAILS,
        "overlays": OVERLAYS,
        "preset": PRESETS,
        "origin": ORIGINS,
        "method": METHODS,
        "cut": CUTS,
        "rule": RULES,
        "against": AGAINST,
        "ends": ENDS,
    }


def write_address(question: Question, language: str) -> dict[str, list[str]]:
    """Return the parameters of the address; what is as it would be anyway is left out."""
    address = {"lang": [language]}
    usual = Question(cut=next(iter(cuts_of(question.method))))
    for name, parameter in ADDRESS.items():
        value = getattr(question, name)
        if value == getattr(usual, name) or (name in {"since", "until"} and question.preset != "custom"):
            continue
        if name in _RANGES:
            address[parameter] = [_write_numbers(value)]
        elif isinstance(value, tuple):
            address[parameter] = list(value) or [NONE]
        elif isinstance(value, float):
            address[parameter] = [f"{value:g}"]
        else:
            address[parameter] = [str(value)]
    return address


def read_address(
    address: Mapping[str, Sequence[str]], choices: Choices
) -> tuple[Question, tuple[Refused, ...]]:
    """Return the question that an address asks and the values in it that are not offered.

    A wrong value leaves its field as it usually is; it never raises.
    """
    chosen: dict[str, Any] = {}
    refused: list[Refused] = []
    for name, parameter in ADDRESS.items():
        values = [value for value in address.get(parameter, ()) if value != ""]
        if not values:
            continue
        value, wrong = _read_field(name, values[:_MOST], choices)
        refused += [Refused(parameter, text[:40]) for text in wrong]
        if value is not None:
            chosen[name] = value
    refused += [
        Refused(key[:40], values[0][:40]) for key, values in address.items() if values and key not in _KNOWN
    ]
    question = replace(Question(), **chosen)
    cuts = cuts_of(question.method)
    if "cut" not in chosen or question.cut not in cuts:
        refused += [Refused("cut", question.cut)] if "cut" in chosen else []
        question = replace(question, cut=next(iter(cuts)))
    if question.since and question.until and question.since >= question.until:
        refused.append(Refused("until", question.until.isoformat()))
        question = replace(question, until=None)
    return question, tuple(refused)


def _read_field(name: str, values: list[str], choices: Choices) -> tuple[Any, list[str]]:
    """Return the value of one field, ``None`` when none is usable, and the texts refused."""
    last = values[-1]
    offered = choices.of(name)
    if name in _RANGES:
        numbers = _read_numbers(last, _RANGES[name])
        return (
            (None, [last])
            if numbers is None or (name == "hours" and not hour_run(numbers))
            else (numbers, [])
        )
    if isinstance(getattr(_USUAL, name), tuple):
        if values == [NONE] and name == "overlays":
            return (), []
        good = tuple(dict.fromkeys(value for value in values if value in offered))
        return good or None, [value for value in values if value not in offered]
    if name in {"since", "until"}:
        try:
            day = date.fromisoformat(last)
        except ValueError:
            return None, [last]
        return (day, []) if 1900 <= day.year <= 2200 else (None, [last])
    if name == "top":
        return (int(last), []) if re.fullmatch(r"[1-9][0-9]{0,3}", last) else (None, [last])
    if name == "coverage":
        good_share = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", last) and 0 < float(last) <= 100
        return (float(last), []) if good_share else (None, [last])
    if name == "pick":
        kind, _, code = last.partition(":")
        polygons = {"grid": choices.of("grids"), "village": choices.of("villages")}.get(kind, {})
        known = bool(re.fullmatch("8[0-9a-f]{14}", code)) if kind == "cell" else code in polygons
        return (last, []) if known else (None, [last])
    return (last, []) if last in offered else (None, [last])


def _write_numbers(numbers: Iterable[int]) -> str:
    """Return ``0,18-23`` for 0, 18, 19, … 23."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _read_numbers(text: str, size: int) -> tuple[int, ...] | None:
    """Return the numbers of ``0,18-23``, ``None`` when it is not one or one is not below ``size``.

    ``22-2`` goes over midnight.
    """
    if len(text) > _LONGEST:
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", part.strip())
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if first >= size or last >= size:
            return None
        numbers.update(range(first, last + 1) if first <= last else [*range(first, size), *range(last + 1)])
    return tuple(sorted(numbers))


def hour_run(hours: Sequence[int]) -> tuple[int, int] | None:
    """Return first and last hour of one run, over midnight too; ``None`` when they are not one run."""
    chosen = set(hours)
    starts = [hour for hour in chosen if (hour - 1) % 24 not in chosen]
    if len(chosen) == 24:
        return 0, 23
    return (starts[0], (starts[0] + len(chosen) - 1) % 24) if len(starts) == 1 else None


def hours_between(first: int | None, last: int | None) -> tuple[int, ...]:
    """Return the hours from ``first`` to ``last`` inclusive, over midnight too; all (none) without either."""
    if first is None and last is None:
        return ()
    start, end = first or 0, 23 if last is None else last
    hours = range(start, end + 1) if start <= end else [*range(start, 24), *range(end + 1)]
    return () if len(hours) == 24 else tuple(sorted(hours))


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time())


_USUAL = Question()
_KNOWN = {*ADDRESS.values(), "lang", "embed", "embed_options"}
assert {one.name for one in fields(Question)} == set(ADDRESS)  # noqa: S101 - a field without an address cannot be linked


# -- the session ---------------------------------------------------------------------------------------


def visitor_language(usual: str) -> Translator:
    """Return the visitor's translator: from the switch, else the address, else the town's own language."""
    session = st.session_state
    asked = st.query_params.get("lang")
    if asked in LOCALES and (address_moved() or "language" not in session):
        session["language"] = session["language_switch"] = asked
    language = session.setdefault("language", usual if usual in LOCALES else "zh")
    return translator(language)


def read_question(choices: Choices) -> tuple[Question, tuple[Refused, ...]]:
    """Return what the visitor has asked so far, or what the address asks when it is another one now."""
    session = st.session_state
    if "question" not in session or address_moved():
        address = current_address()
        question, refused = read_address(address, choices)
        if address.get("lang", ["zh"])[-1] not in LOCALES:
            refused = (*refused, Refused("lang", address["lang"][-1][:40]))
        session["question"], session["refused"], session["address"] = question, refused, address
        session["refill"] = True
    return session["question"], session["refused"]


def keep_question(question: Question, language: str) -> None:
    """Keep what is asked now, and write it into the address."""
    session = st.session_state
    session["refill"] = False
    if question != session.get("question"):
        session["refused"] = ()
    session["question"] = question
    address = write_address(question, language)
    if address != current_address():
        st.query_params.from_dict(address)
    session["address"] = address
    session["pressed"] = {key: session[key] for key in session if str(key).startswith("ask_")}


def keep_language(language: str) -> None:
    """Write the language into the address of a page that asks nothing else: what it said first is then past."""
    address = {"lang": [language]}
    if address != current_address():
        st.query_params.from_dict(address)
    st.session_state["address"] = address


def read_review(kinds: Iterable[str], batches: Iterable[int]) -> tuple[str, int, tuple[Refused, ...]]:
    """Return which questions of the review are asked for: a kind (``""`` for all), an import (0 for all)."""
    session = st.session_state
    if "review_asked" not in session or address_moved():
        address = current_address()
        kind, batch = (address.get(name, [""])[-1] for name in ("kind", "import"))
        offered = {"": 0, **{str(number): number for number in batches}}
        wrong = [("kind", kind)] if kind and kind not in set(kinds) else []
        wrong += [("import", batch)] if batch not in offered else []
        session["review_asked"] = (kind if kind in set(kinds) else "", offered.get(batch, 0))
        session["review_refused"] = tuple(Refused(name, value[:40]) for name, value in wrong)
        session["address"] = address
        session["refill"] = True
    kind, batch = session["review_asked"]
    return kind, batch, session["review_refused"]


def keep_review(kind: str, batch: int, language: str) -> None:
    """Keep which questions are asked for now, and write it into the address."""
    session = st.session_state
    session["refill"] = False
    if (kind, batch) != session.get("review_asked"):
        session["review_refused"] = ()
    session["review_asked"] = (kind, batch)
    address = {"lang": [language]}
    address |= {"kind": [kind]} if kind else {}
    address |= {"import": [str(batch)]} if batch else {}
    if address != current_address():
        st.query_params.from_dict(address)
    session["address"] = address
    session["pressed"] = {key: session[key] for key in session if str(key).startswith("ask_")}


def fill_widget(key: str, value: Any) -> str:
    """Give a widget its value from the question, once and after each move; return its key."""
    if key not in st.session_state or st.session_state.get("refill"):
        st.session_state[key] = value
    return key


def current_address() -> dict[str, list[str]]:
    """Return the parameters of the address as they are now."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def address_moved() -> bool:
    """Whether the address is neither empty nor the one written last: a link, or the browser's back button.

    A click made before the browser has received the last address comes with the one before; what was
    pressed since tells it from the back button, which presses nothing.
    """
    session, address = st.session_state, current_address()
    if not address or address == session.get("address"):
        return False
    pressed = session.get("pressed", {})
    return all(session[key] == value for key, value in pressed.items() if key in session)
