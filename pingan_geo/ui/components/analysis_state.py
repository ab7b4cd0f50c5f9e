"""What the analysis asks beyond the filters: areas, what they are compared with, and the place in time.

Kept in the session and written into the address beside the filters, so that a copied link, or a view saved
under a name, shows the same. Nothing from an address is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import streamlit as st

from pingan_geo.errors import BadChoiceError, ViewNotFoundError
from pingan_geo.i18n import LOCALES, mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.state import (
    Choices,
    Question,
    Refused,
    address_moved,
    current_address,
    read_address,
    write_address,
)
from pingan_geo.workflow.analysis import Area, parse_area
from pingan_geo.workflow.views import find_view

#: What the page can do.
SHOWS: Mapping[str, str] = {
    "area": mark("One area"),
    "areas": mark("Two areas"),
    "periods": mark("Two periods"),
    "time": mark("Through time"),
    "rates": mark("Rates"),
}
#: The other period of two.
OTHERS: Mapping[str, str] = {
    "before": mark("The period before"),
    "year": mark("52 weeks earlier"),
    "day": mark("From a day on …"),
}
#: What rates are counted by, and per.
BY: Mapping[str, str] = {
    "village": mark("Villages"),
    "grid": mark("Grids"),
    "estate": mark("Estates"),
    "cell": mark("Hexagons"),
}
PER: Mapping[str, str] = {
    "household": mark("100 households"),
    "reporter": mark("Each reporter"),
    "km2": mark("km²"),
    "find": mark("Patrol find"),
}
#: Key of the map on which areas are drawn.
DRAWING_MAP = "analysis_map"
_NAMES = ("show", "a", "b", "other", "other_since", "at", "by", "per")
_CODES: Mapping[str, Mapping[str, str]] = {"show": SHOWS, "other": OTHERS, "by": BY, "per": PER}
_MOST_STEPS = 400
_NOTHING = Area("polygon")


@dataclass(frozen=True)
class Asked:
    """All that the analysis page asks.

    Parameters
    ----------
    question
        The filters, shared with the other pages.
    show, other
        Codes of :data:`SHOWS` and :data:`OTHERS`.
    first, second
        Areas A and B, perhaps not complete yet.
    other_since
        First day of the other period when ``other`` is ``day``.
    at
        Step of the time slider from 0; -1 the last.
    by, per
        Codes of :data:`BY` and :data:`PER`.
    """

    question: Question = field(default_factory=Question)
    show: str = "area"
    first: Area = _NOTHING
    second: Area = _NOTHING
    other: str = "before"
    other_since: date | None = None
    at: int = -1
    by: str = "village"
    per: str = "household"

    def area(self, side: str) -> Area:
        """Return area ``A`` or ``B``."""
        return self.second if side == "B" else self.first

    def with_area(self, side: str, area: Area) -> Asked:
        """Return the same with another area ``A`` or ``B``."""
        return replace(self, second=area) if side == "B" else replace(self, first=area)

    def address(self, language: str) -> dict[str, list[str]]:
        """Return the parameters of the address; what is as usual is left out."""
        usual = Asked()
        mine = {
            "show": self.show if self.show != usual.show else "",
            "a": self.first.text if self.first != usual.first else "",
            "b": self.second.text if self.second != usual.second else "",
            "other": self.other if self.other != usual.other else "",
            "other_since": self.other_since.isoformat() if self.other == "day" and self.other_since else "",
            "at": str(self.at) if self.show == "time" and self.at >= 0 else "",
            "by": self.by if self.show == "rates" and self.by != usual.by else "",
            "per": self.per if self.show == "rates" and self.per != usual.per else "",
        }
        return write_address(self.question, language) | {name: [text] for name, text in mine.items() if text}


def read_asked(visit: Visit, choices: Choices) -> tuple[Asked, tuple[Refused, ...]]:
    """Return what is asked so far, or what the address asks when it is another one now."""
    session = st.session_state
    if "analysis" not in session or address_moved():
        address, refused = _opened(visit, current_address())
        mine, wrong = read_mine(address, choices)
        question = session.get("question", Question())
        if address or "question" not in session:  # an empty one comes from another page, with its filters
            rest = {name: values for name, values in address.items() if name not in _NAMES}
            question, others = read_address(rest, choices)
            refused += others
        if address.get("lang", ["zh"])[-1] not in LOCALES:
            refused += (Refused("lang", address["lang"][-1][:40]),)
        session["analysis"], session["question"] = mine, question
        session["refused"] = (*refused, *wrong)
        session["address"], session["refill"] = current_address(), True
    return replace(session["analysis"], question=session["question"]), session.get("refused", ())


def keep_asked(asked: Asked, language: str, *, refill: bool = False) -> None:
    """Keep what is asked now, and write it into the address.

    Parameters
    ----------
    refill
        What was asked was changed by something else than its own widgets, which take it over then.
    """
    session = st.session_state
    if asked != replace(session.get("analysis", Asked()), question=session.get("question", Question())):
        session["refused"] = ()
    session["analysis"], session["question"], session["refill"] = asked, asked.question, refill
    address = asked.address(language)
    if address != current_address():
        st.query_params.from_dict(address)
    session["address"] = address
    # A click on the map tells a run from the browser's back button, as any pressed widget does.
    pressed = (key for key in session if str(key).startswith("ask_") or key == DRAWING_MAP)
    session["pressed"] = {key: session[key] for key in pressed}


def read_mine(address: Mapping[str, Sequence[str]], choices: Choices) -> tuple[Asked, tuple[Refused, ...]]:
    """Return what an address asks of the analysis alone, and what in it is not offered; it never raises."""
    chosen: dict[str, Any] = {}
    refused = []
    for name in _NAMES:
        text = address.get(name, [""])[-1]
        if not text:
            continue
        value = _read(name, text, choices)
        if value is None:
            refused.append(Refused(name, text[:40]))
        else:
            chosen[{"a": "first", "b": "second"}.get(name, name)] = value
    return Asked(**chosen), tuple(refused)


def _read(name: str, text: str, choices: Choices) -> Any:
    """Return the value of one parameter, ``None`` when it is not offered."""
    if name in _CODES:
        return text if text in _CODES[name] else None
    try:
        if name == "other_since":
            day = date.fromisoformat(text)
            return day if 1900 <= day.year <= 2200 else None
        if name == "at":
            return int(text) if text.isdecimal() and len(text) < 4 and int(text) < _MOST_STEPS else None
        area = parse_area(text)
    except (ValueError, BadChoiceError):
        return None
    known = choices.of("grids" if area.kind == "grid" else "villages")
    return area if all(code in known for code in area.codes) else None


def _opened(visit: Visit, address: dict[str, list[str]]) -> tuple[dict[str, list[str]], tuple[Refused, ...]]:
    """Return the address of the saved view that an address names, else the address itself."""
    name = address.pop("view", [""])[-1]
    if not name:
        return address, ()
    try:
        kept = find_view(visit.town, name)
    except ViewNotFoundError:
        return address, (Refused("view", name[:40]),)
    return {key: list(values) for key, values in kept.address.items()} | address, ()
