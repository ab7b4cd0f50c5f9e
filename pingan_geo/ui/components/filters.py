"""The filters of the side bar: they read the question and return the one that is asked now."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import streamlit as st

from pingan_geo.i18n import Translator
from pingan_geo.ui.state import (
    ORIGINS,
    OVERLAYS,
    PRESETS,
    Choices,
    Question,
    fill_widget,
    hour_run,
    hours_between,
)


def show_filters(question: Question, choices: Choices, today: date, t: Translator) -> Question:
    """Draw the filters that all pages on reports share and return the question with what they say."""
    with st.sidebar:
        if st.button(
            t("Clear all filters"), key="clear_filters", width="stretch", disabled=_untouched(question)
        ):
            question = _cleared(question)
            st.session_state["refill"] = True
        question = _period(question, today, t)
        question = replace(
            question,
            boards=_pills(question, "boards", t("Board"), choices),
            categories=_several(question, "categories", t("Category"), choices, t),
        )
        question = replace(question, hours=_hours(question, t), weekdays=_weekdays(question, t))
        question = replace(question, villages=_several(question, "villages", t("Village"), choices, t))
        question = replace(question, grids=_several(question, "grids", t("Grid"), choices, t))
        if len(choices.of("sources")) > 1 or question.sources:
            question = replace(question, sources=_several(question, "sources", t("Source"), choices, t))
        return replace(question, origin=_one("origin", question.origin, t("Origin"), ORIGINS, t))


def choose(
    name: str, value: str, label: str, offered: Any, t: Translator, *, hide_label: bool = False
) -> str:
    """Draw a row of buttons of which one is pressed; return its code."""
    key = fill_widget(f"ask_{name}", value)
    chosen = st.segmented_control(
        label,
        list(offered),
        format_func=lambda code: t(offered[code]),
        key=key,
        required=True,
        label_visibility="collapsed" if hide_label else "visible",
    )
    return str(chosen or value)


def choose_number(name: str, value: float, label: str, low: float, high: float, step: float) -> float:
    """Draw a field for a number; ``low``, ``high`` and ``step`` are of the type that comes back."""
    kind = type(low)
    key = fill_widget(f"ask_{name}", kind(min(max(value, low), high)))
    return float(st.number_input(label, min_value=low, max_value=high, step=kind(step), key=key, width=150))


def choose_overlays(
    question: Question, offered: dict[str, str], label: str, t: Translator
) -> tuple[str, ...]:
    """Draw the switches of the layers that lie over the map; one that the town lacks stays as it is."""
    lacking = set(question.overlays) - set(offered)
    chosen: set[str] = set()
    if offered:
        key = fill_widget("ask_overlays", [code for code in question.overlays if code in offered])
        pressed = st.pills(
            label, list(offered), format_func=lambda code: t(offered[code]), key=key, selection_mode="multi"
        )
        chosen = set(pressed)
    return tuple(code for code in OVERLAYS if code in chosen | lacking)


def _one(name: str, value: str, label: str, offered: Any, t: Translator) -> str:
    key = fill_widget(f"ask_{name}", value)
    return str(st.selectbox(label, list(offered), format_func=lambda code: t(offered[code]), key=key))


def _several(question: Question, name: str, label: str, choices: Choices, t: Translator) -> tuple[str, ...]:
    offered = choices.of(name)
    key = fill_widget(f"ask_{name}", [code for code in getattr(question, name) if code in offered])
    chosen = st.multiselect(
        label,
        list(offered),
        format_func=lambda code: offered.get(code, code),
        key=key,
        placeholder=t("All"),
        select_all=False,
    )
    return tuple(chosen)


def _pills(question: Question, name: str, label: str, choices: Choices) -> tuple[str, ...]:
    offered = choices.of(name)
    if not offered:
        return getattr(question, name)  # type: ignore[no-any-return]
    key = fill_widget(f"ask_{name}", [code for code in getattr(question, name) if code in offered])
    return tuple(
        st.pills(
            label, list(offered), format_func=lambda code: offered[code], key=key, selection_mode="multi"
        )
    )


def _period(question: Question, today: date, t: Translator) -> Question:
    preset = _one("preset", question.preset, t("Period"), PRESETS, t)
    if preset != "custom":
        return replace(question, preset=preset, since=None, until=None)
    if question.preset != "custom":  # start from what was shown until now
        period = question.period(today)
        since, until = period.since, period.until
        question = replace(question, since=since and since.date(), until=until and until.date())
    left, right = st.columns(2)
    first = left.date_input(
        t("From"),
        None,
        key=fill_widget("ask_since", question.since),
        format="YYYY-MM-DD",
        min_value=date(1900, 1, 1),
    )
    end = question.until and question.until - timedelta(days=1)
    last = right.date_input(
        t("To, inclusive"),
        None,
        key=fill_widget("ask_until", end),
        format="YYYY-MM-DD",
        min_value=date(1900, 1, 1),
    )
    if first and last and first > last:
        st.warning(t("The period ends before it begins; the end was left out."))
        last = None
    return replace(question, preset=preset, since=first, until=last and last + timedelta(days=1))


def _hours(question: Question, t: Translator) -> tuple[int, ...]:
    run = hour_run(question.hours) if question.hours else None
    left, right = st.columns(2)
    first = left.selectbox(
        t("From hour"),
        range(24),
        None,
        key=fill_widget("ask_hour_first", run and run[0]),
        format_func=lambda hour: f"{hour:02d}:00",
        placeholder=t("Any"),
    )
    last = right.selectbox(
        t("Until hour"),
        range(24),
        None,
        key=fill_widget("ask_hour_last", run and run[1]),
        format_func=lambda hour: f"{hour + 1:02d}:00",
        placeholder=t("Any"),
    )
    return hours_between(first, last)


def _weekdays(question: Question, t: Translator) -> tuple[int, ...]:
    key = fill_widget("ask_weekdays", list(question.weekdays))
    chosen = st.pills(t("Weekdays"), range(7), format_func=t.weekday, key=key, selection_mode="multi")
    return tuple(sorted(chosen))


def _cleared(question: Question) -> Question:
    usual = Question()
    return replace(
        usual,
        layer=question.layer,
        detail=question.detail,
        overlays=question.overlays,
        method=question.method,
        cut=question.cut,
        top=question.top,
        coverage=question.coverage,
        rule=question.rule,
        against=question.against,
        ends=question.ends,
    )


def _untouched(question: Question) -> bool:
    return replace(_cleared(question), pick=question.pick) == question
