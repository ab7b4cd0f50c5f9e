"""What every page has: style, heading with the language switch, messages, footer."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pingan_geo.i18n import LANGUAGE_NAMES, Translator, mark
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.state import Choices, Question, Refused
from pingan_geo.workflow.explore import MapView, loosen

if TYPE_CHECKING:
    from pingan_geo.workflow.hotspots import Hotspots

#: Field of a filter to its name for people.
_LIMITS: Mapping[str, str] = {
    "period": mark("Period"),
    "categories": mark("Category"),
    "boards": mark("Board"),
    "hours": mark("Hours"),
    "weekdays": mark("Weekdays"),
    "villages": mark("Village"),
    "grids": mark("Grid"),
    "sources": mark("Source"),
    "origin": mark("Origin"),
}
_STYLE = Path(__file__).parents[1] / "style.css"


def show_style(t: Translator) -> None:
    """Put the style sheet in, and the visitor's words over those that Streamlit says in English only."""
    drop = t("Drop a file here, or")
    choose = t("Choose a file")
    refused = t(
        "Over 200 MB or of another kind. Large files: pingan import reports FILE on the server, or split by month."
    )
    words = f"--drop: '{drop}'; --choose: '{choose}'; --refused: '{refused}';"
    st.html(f"<style>{_style()}\n:root {{ {words} }}</style>")


def show_language_switch(t: Translator) -> None:
    """Draw the switch between the languages; one click, for this visitor only."""
    session = st.session_state
    session.setdefault("language_switch", t.language)

    def switched() -> None:
        session["language"] = session["language_switch"] or t.language

    with st.container(key="language_box"):
        st.segmented_control(
            t("Language"),
            list(LANGUAGE_NAMES),
            format_func=LANGUAGE_NAMES.__getitem__,
            key="language_switch",
            on_change=switched,
            required=True,
            label_visibility="collapsed",
        )


def show_heading(visit: Visit, title: str, said: str = "") -> None:
    """Draw the page's heading: the town, what the page is, one sentence."""
    line = f"<p>{html.escape(said)}</p>" if said else ""
    st.html(f'<div class="heading"><h1>{html.escape(visit.name)} · {html.escape(title)}</h1>{line}</div>')


def show_section(title: str) -> None:
    """Draw the heading of a part of the page."""
    st.html(f'<h3 class="section">{html.escape(title)}</h3>')


def show_refused(refused: Sequence[Refused], t: Translator) -> None:
    """Say which values of the address were left out."""
    if refused:
        listed = t(", ").join(f"`{_code(one.name)}={_code(one.value)}`" for one in refused[:5])
        st.warning(
            t("The address asks for what this town does not have; it was left out: {listed}", listed=listed)
        )


def show_footer(visit: Visit) -> None:
    """Draw the line under every page: what the data are, and the program."""
    t = visit.t
    parts = [visit.notice, visit.settings.slogan, f"pingan_geo {_version()}"]
    with st.container(key="footer"):
        st.caption(plain(" · ".join(part for part in parts if part)))
        newest = visit.index.newest
        if newest:  # its day: some reports are known no finer
            st.caption(
                t("{count} reports, the newest of {time}.", count=len(visit.index), time=newest.date())
            )


def show_totals(visit: Visit, view: MapView, layer: str) -> None:
    """Say how many reports fit, and that every one of them is drawn or said to be without a place."""
    t = visit.t
    said = [
        t("**{total}** of {of_all} reports fit", total=view.total, of_all=view.of_all),
        say_period(view.period, t),
    ]
    if layer in {"grids", "villages"}:
        grids = layer == "grids"
        without = view.without_grid if grids else view.without_village
        words = {"inside": view.total - without, "without": without, "total": view.total}
        said.append(
            t("grids {inside} + in no grid {without} = {total}", **words)
            if grids
            else t("villages {inside} + in no village {without} = {total}", **words)
        )
    else:
        said.append(
            t(
                "hexagons {inside} + without hexagon {without} = {total}",
                inside=view.in_cells,
                without=view.without_cell,
                total=view.total,
            )
        )
    st.markdown(" · ".join(said))


def show_facts(facts: Mapping[str, object]) -> None:
    """Draw pairs of a label and a value; empty values are left out."""
    rows = "".join(
        f"<tr><th>{html.escape(label)}</th><td>{html.escape(str(value))}</td></tr>"
        for label, value in facts.items()
        if value not in ("", None)
    )
    st.html(f'<table class="facts">{rows}</table>')


def show_cut(shown: int, total: int, t: Translator) -> None:
    """Say how much of a list is shown when it is not all of it."""
    if shown < total:
        st.caption(t("Shown {shown} of {total}, the newest.", shown=shown, total=total))


def show_nothing(visit: Visit, asked: ReportFilter) -> None:
    """Say why there is nothing to draw and what to do, instead of an empty map."""
    t = visit.t
    if not len(visit.index):
        st.info(t("This town holds no reports yet. The page Import takes a file of them."))
        return
    st.info(t("No report fits this choice. Widen the period or take away a filter."))
    helping = [(t(_LIMITS[name]), count) for name, count in loosen(visit.index, asked) if count]
    lines = [
        t("Without the limit on {limit}: {count} reports", limit=name, count=count) for name, count in helping
    ]
    if not lines:
        lines = [t("Lifting one limit alone finds nothing either: lift several.")]
    st.markdown("\n".join(f"- {line}" for line in lines))
    st.caption(say_what_there_is(visit, t))


def show_error(error: BaseException, t: Translator) -> None:
    """Say what went wrong in one sentence; what a user wrote in it stays text."""
    st.error(plain(t.error(error)))


def say_what_there_is(visit: Visit, t: Translator) -> str:
    """Return from when to when there are reports, for somebody who asked for a time without any."""
    oldest, newest = visit.index.oldest, visit.index.newest
    if oldest is None or newest is None:
        return ""
    return t("There are reports from {first} to {last}.", first=oldest.date(), last=newest.date())


def show_hotspot_totals(found: Hotspots, t: Translator) -> None:
    """Say what the list holds of all that fits, and what is in no cell of the town."""
    said = [
        t(
            "listed cells {listed} + other cells {other} + in no cell of the town {unassigned} = {total}",
            listed=found.in_listed,
            other=found.in_other,
            unassigned=found.unassigned,
            total=found.total,
        ),
        t(
            "{cells} of {all} cells, {share} of the area",
            cells=found.cells_listed,
            all=found.cells_all,
            share=t.percent(found.covered_m2 / found.area_m2, 2),
        ),
    ]
    st.markdown(" · ".join(said))


def show_about(about: Sequence[tuple[str, str]], t: Translator) -> None:
    """Draw how a list was made, folded away."""
    with st.expander(t("How this list was made")):
        show_facts(dict(about))


def say_period(period: Period, t: Translator) -> str:
    """Return a half-open period as people say it, its last day included."""
    first = t.date(period.since) if period.since else ""
    last = t.date(period.until - timedelta(seconds=1)) if period.until else ""
    if first and last:
        return t("{first} to {last}", first=first, last=last)
    if first:
        return t("since {first}", first=first)
    return t("until {last}", last=last) if last else t("all time")


def say_question(
    question: Question, choices: Choices, period: Period, t: Translator
) -> list[tuple[str, str]]:
    """Return (label, text) pairs of what was asked, for files and captions."""
    said = [(t("Period"), say_period(period, t))]
    for name, label in (
        ("boards", t("Board")),
        ("categories", t("Category")),
        ("villages", t("Village")),
        ("grids", t("Grid")),
        ("sources", t("Source")),
    ):
        chosen = getattr(question, name)
        if chosen:
            said.append((label, t(", ").join(choices.of(name).get(code, code) for code in chosen)))
    if question.hours:
        said.append((t("Hours"), t(", ").join(f"{hour}:00" for hour in question.hours)))
    if question.weekdays:
        said.append((t("Weekdays"), t(", ").join(t.weekday(day) for day in question.weekdays)))
    said.append((t("Origin"), t(choices.of("origin")[question.origin])))
    return said


def _code(text: str) -> str:
    """Return a text that ends no code span and starts no markup."""
    return text.replace("`", "'").replace("\n", " ")


def plain(text: str) -> str:
    """Return words that somebody wrote without what markdown would take for markup."""
    for sign in "\\`*_{}[]()<>#$~|!:":
        text = text.replace(sign, f"\\{sign}")
    return text


def _version() -> str:
    try:
        return version("pingan-geo")
    except PackageNotFoundError:
        return ""


@lru_cache(maxsize=1)
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")
