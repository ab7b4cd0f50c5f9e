"""A team's sheet to print: an A4 that folds, the map in front, the list inside, drawn without a browser.

The only door to typst. The page itself is ``patrol_sheet.typ``; whatever a user wrote reaches it as JSON, never as
source, so that it is text and cannot be markup.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import noto_cjk_sans_otc
import typst

from pingan_geo.i18n import mark
from pingan_geo.model.patrol import ANSWERS, STOP_KINDS, Stop
from pingan_geo.outputs.exports import plain_text
from pingan_geo.outputs.patrol_sheet import LIST_COLUMNS, Sheet, amap_point
from pingan_geo.outputs.print_map import mark_svg, route_map

_PAGE: Final = Path(__file__).with_name("patrol_sheet.typ")
#: Millimetres of the map on the front.
_MAP_WIDTH, _MAP_HEIGHT = 134.0, 151.0
#: Letters of a run without a blank after which a line may break, and of a card after which it may be parted.
_RUN: Final = re.compile(r"[^\s\u2e80-\uffef]{24,}")
_BREAK_EVERY: Final = 12
_LONG_CARD: Final = 480
_LONG_TITLE: Final = 48
#: Letters of notes that have room on the back of the sheet; longer ones follow the list.
_SHORT_NOTES: Final = 260
#: Columns that the patrol fills in for what it found, with their share of the width.
_REGISTER: Final = {
    "number": 8, "problem": 40, "photos": 13, "action": 22, "office": 20, "due": 17, "recheck": 14,
}  # fmt: skip


def sheet_pdf(sheet: Sheet) -> bytes:
    """Return a team's sheet as PDF; the same sheet gives the same bytes.

    Parameters
    ----------
    sheet
        What is printed; every stop is on it, whole, and no text is cut but a name on the map.

    Returns
    -------
    bytes
        Page 1: back and front; from page 2 on: the list. The font stands in it.
    """
    compiler = typst.Compiler(font_paths=_fonts(), ignore_system_fonts=True)
    said = json.dumps(_said(sheet), ensure_ascii=False, sort_keys=True)
    pdf = compiler.compile(
        _PAGE.read_bytes(), format="pdf", timestamp=0, sys_inputs={"sheet": said}, pdf_tags=True
    )
    if not isinstance(pdf, bytes):  # a PDF is one file however many pages it has
        raise TypeError(type(pdf).__name__)
    return pdf


def qr_svg(text: str, *, error: str = "m", border: int = 3) -> str:
    """Return a text as a QR code: one SVG without a size, dark on white."""
    import io

    import segno

    out = io.BytesIO()
    code = segno.make_qr(text, error=error, boost_error=False)
    code.save(out, kind="svg", border=border, xmldecl=False, omitsize=True, light="#fff", nl=False)
    return out.getvalue().decode("utf-8")


@cache
def _fonts() -> Any:
    """Return the fonts of the sheet: the one that the package brings, none of the system's."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(noto_cjk_sans_otc.FONT_PATH.parent)],
    )


def print_text(text: str) -> str:
    """Return a text as one paragraph whose long runs may break anywhere, so that nothing runs off the paper."""
    one = " ".join(plain_text(text).split())
    return _RUN.sub(
        lambda run: "\u200b".join(
            run[0][start : start + _BREAK_EVERY] for start in range(0, len(run[0]), _BREAK_EVERY)
        ),
        one,
    )


def _said(sheet: Sheet) -> dict[str, Any]:
    t, route, patrol = sheet.t, sheet.route, sheet.patrol
    title = f"{plain_text(patrol.town)} · {sheet.title}" if patrol.town else sheet.title
    seen = [stop for stop in route.stops if stop.kind != "break"]
    metres = sum(stop.travel_m for stop in route.stops) + route.back_m
    phone = [
        t(
            "Scan it before you set out and keep the page open, or save it on the phone: it then works without a signal."
        ),
        t(
            "At each stop: Arrived, then one of the four answers. Results go back as a file or as codes on the screen."
        ),
    ]
    if not sheet.phone_address:
        phone = [
            t("The file phone.html of this pack is the same list for the phone: ask the desk for it."),
            *phone[1:],
        ]
    made = patrol.made_at
    return {
        "lang": t.language,
        "region": "cn" if t.language == "zh" else "gb",
        "heading": _short(print_text(title)),
        "full_title": print_text(title) if len(title) > _LONG_TITLE else "",
        "keywords": [patrol.patrol_id, "WGS-84", "GCJ-02"],
        "made": {"year": made.year, "month": made.month, "day": made.day},
        "team": _short(print_text(sheet.team_words)),
        "team_short": t("Team {team}", team=sheet.team.code),
        "code": sheet.team.code,
        "shift": sheet.shift,
        "task": patrol.patrol_id,
        "summary": t(
            "{count} stops, {kilometres} km; back at {end} by {time}",
            count=len(seen),
            kilometres=t.number(metres / 1000, 1),
            end=_short(print_text(route.team.end.name), 24),
            time=f"{route.back_at:%H:%M}",
        ),
        "synthetic": sheet.synthetic,
        "map": route_map(route, ground=sheet.ground, t=t, width_mm=_MAP_WIDTH, height_mm=_MAP_HEIGHT),
        "legend": _legend(sheet),
        "datum": t("Drawn in WGS-84, north up. Codes and coordinates of the list: GCJ-02 (Amap). No map for other uses."),
        "phone": qr_svg(sheet.phone_address) if sheet.phone_address else "",
        "phone_says": phone,
        "register": [[t(LIST_COLUMNS[name]) if name != "problem" else t("What is wrong"), share] for name, share in _REGISTER.items()],
        "signed": [t(LIST_COLUMNS["person"]), t(LIST_COLUMNS["signature"]), t(LIST_COLUMNS["remarks"])],
        "imprint": t(
            "{task} · made {time} · print on both sides, turn over the short edge, fold along the dashed line",
            task=patrol.patrol_id,
            time=made,
        ),
        "stops": [_card(sheet, stop) for stop in route.stops],
        "notes": [print_text(note) for note in sheet.notes],
        "short_notes": sum(len(note) for note in sheet.notes) <= _SHORT_NOTES and len(sheet.notes) <= 5,
        "words": {
            "answers": [t(word) for word in ANSWERS.values()],
            "arrived": t("Arrived"),
            "left": t("Left"),
            "phone_page": t("The same list on the phone"),
            "finds": t("What was found"),
            "no_names": t("no names, no telephones"),
            "notes": t("Notes"),
            "codes": t("Code beside a stop: the way there in Amap"),
        },
    }  # fmt: skip


def _short(text: str, most: int = _LONG_TITLE) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _legend(sheet: Sheet) -> list[list[str]]:
    kinds = {stop.kind for stop in sheet.route.stops}
    rows = [[mark_svg("start"), sheet.t("Start")], [mark_svg("route"), sheet.t("Way")]]
    return rows + [[mark_svg(kind), sheet.t(word)] for kind, word in STOP_KINDS.items() if kind in kinds]


#: Labels of a stop's facts.
_FACTS: Final = {
    "count": mark("30 days:"), "hours": mark("hours:"), "last": mark("last:"),
    "checks": mark("Check:"), "past": mark("Last time:"), "why": mark("Why:"), "office": mark("to:"),
}  # fmt: skip


def _card(sheet: Sheet, stop: Stop) -> dict[str, Any]:
    t = sheet.t
    lon, lat = amap_point(stop.lon, stop.lat)
    resting = stop.kind == "break"
    facts = [
        ("", sheet.category_of(stop)),
        (t(_FACTS["count"]), t("{count} reports", count=sheet.count_of(stop)) if stop.count_30d else ""),
        (t(_FACTS["hours"]), stop.main_hours),
        (t(_FACTS["last"]), sheet.last_visit_of(stop)),
        (t(_FACTS["office"]), sheet.office_of(stop)),
        (t(_FACTS["why"]), sheet.reason_of(stop)),
        ("", f"{sheet.grid_of(stop)} {stop.grid_id}".strip()),
    ]
    lines = [
        (t(_FACTS["checks"]), " / ".join(sheet.checks_of(stop))),
        (t(_FACTS["past"]), sheet.past_of(stop)),
    ]
    if stop.kind in ("control", "must", "post"):
        facts.insert(0, ("", sheet.kind_of(stop)))
    facts, lines = (
        [(label, said) for label, value in pairs if (said := print_text(value))] for pairs in (facts, lines)
    )
    return {
        "mark": mark_svg(stop.kind, str(stop.number)),
        "name": print_text(stop.name if not resting else f"{sheet.kind_of(stop)} · {stop.name}"),
        "times": f"{stop.arrive:%H:%M}–{stop.leave:%H:%M}",
        "level": sheet.level_of(stop),
        "dark": stop.level == "red",
        "facts": facts,
        "lines": lines,
        "qr": "" if resting else qr_svg(sheet.navigation(stop), error="l", border=2),
        "coordinates": [f"{lon:.6f}", f"{lat:.6f}"],
        "long": len(stop.name) + sum(len(value) for _, value in [*facts, *lines]) > _LONG_CARD,
    }
