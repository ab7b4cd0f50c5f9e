"""One question at a time: asked, answered by key or button, taken back; what one visitor did is kept here."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from pingan_geo.errors import PinganError, ReviewItemError
from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.cache import ReviewDesk, Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.review_words import (
    KIND_NAMES,
    Said,
    say_candidate,
    say_item,
    say_key,
    say_outcome,
    say_parts,
    say_why,
)
from pingan_geo.ui.state import fill_widget
from pingan_geo.workflow.answers import Answer, answer, last_question, take_back_answer
from pingan_geo.workflow.review import KEEP_GRID, Queue, ReviewItem
from pingan_geo.workflow.stated_grids import CONFLICT

#: Questions read at once, beside those that the visitor skipped.
_AHEAD = 20
_KEYS: Sequence[tuple[str, str, str]] = (
    ("choices", "1–5", mark("take that one")),
    ("choices", "Enter", mark("take the first")),
    ("field", "E", mark("into the field")),
    ("field", "Esc", mark("out of the field")),
    ("point", "P", mark("the point on the map")),
    ("pair", "M", mark("merge")),
    ("pair", "K", mark("keep apart")),
    ("all", "S", mark("skip")),
    ("aside", "X", mark("put aside")),
    ("all", "Z", mark("take back")),
)


@dataclass
class Sitting:
    """What one visitor did in this visit.

    Parameters
    ----------
    answered
        Keys of the questions, the newest last; what can be taken back.
    count
        Answers since the filters were changed.
    skipped
        Keys that come last, in this order.
    first
        Key of the question that comes first: its answer was just taken back.
    said
        What the last step did, and how it looks: ``done``, ``hint`` or ``wrong``.
    point
        Key, longitude and latitude of a point that was clicked.
    refused
        Key and answer that would do but for the stated grid, which is another than the one the place lies in.
    """

    answered: list[str] = field(default_factory=list)
    count: int = 0
    skipped: list[str] = field(default_factory=list)
    first: str = ""
    said: tuple[str, list[Said]] | None = None
    error: PinganError | None = None
    point: tuple[str, float, float] | None = None
    refused: tuple[str, Answer] | None = None
    filters: tuple[str, int] = ("", 0)

    def point_of(self, item: ReviewItem) -> tuple[float, float] | None:
        """Return the point that was clicked for a question."""
        return self.point[1:] if self.point and self.point[0] == item.key else None

    def filter_by(self, kind: str, batch: int) -> None:
        """Count from one again when other questions are asked for."""
        if (kind, batch) != self.filters:
            self.filters, self.count, self.first = (kind, batch), 0, ""

    def tell(self, how: str, parts: Sequence[Said]) -> None:
        """Keep what to say, in place of what was said before."""
        self.said, self.error = (how, list(parts)), None


def sitting() -> Sitting:
    """Return what this visitor did so far."""
    found: Sitting = st.session_state.setdefault("review", Sitting())
    return found


def give(visit: Visit, desk: ReviewDesk, item: ReviewItem, said: Answer, name: str = "") -> None:
    """Answer a question and keep what to say of it; called by a button.

    Parameters
    ----------
    visit
        The visit.
    desk
        Finds places for rows that are read again.
    item
        The question.
    said
        The answer.
    name
        Of what was chosen, for people.
    """
    mine = sitting()
    mine.first = ""
    try:
        outcome = answer(visit.town, item.key, said, now=town_now(visit), locate=desk.locate)
    except ReviewItemError:  # two people at once
        mine.tell("hint", [(mark("Somebody else has just answered this; here is the next question"), {})])
        return
    except PinganError as error:
        mine.said, mine.error = None, error
        return
    mine.tell("done" if outcome.written else "wrong", say_outcome(item, said, outcome, name))
    mine.refused = (item.key, said) if not outcome.written and outcome.reason == CONFLICT else None
    if outcome.written:
        mine.answered.append(item.key)
        mine.count += 1
        mine.skipped = [key for key in mine.skipped if key != item.key]


def take_back(visit: Visit, key: str) -> None:
    """Take an answer back, and ask that question again; called by a button."""
    mine = sitting()
    try:
        outcome = take_back_answer(visit.town, key)
    except PinganError as error:
        mine.said, mine.error = None, error
        return
    if outcome is None:
        mine.tell("hint", [(mark("There is no answer left to take back"), {})])
        return
    if mine.answered:
        mine.answered.pop()
        mine.count = max(0, mine.count - 1)
    mine.first = outcome.key
    words = say_key(outcome.key)
    told = (
        (mark("The answer on {word} is taken back; here is the question again"), {"word": words})
        if words
        else (mark("The last answer is taken back; here is the question again"), {})
    )
    mine.tell("hint", [told])


def skip(item: ReviewItem) -> None:
    """Let a question come last for this visitor; called by a button."""
    mine = sitting()
    mine.skipped = [*(key for key in mine.skipped if key != item.key), item.key]
    mine.first, mine.said, mine.error = "", None, None


def next_item(queue: Queue, mine: Sitting) -> ReviewItem | None:
    """Return the question to ask now."""
    order = {key: place for place, key in enumerate(mine.skipped)}
    items = sorted(queue.items, key=lambda item: (item.key != mine.first, order.get(item.key, -1)))
    return items[0] if items else None


def ahead(mine: Sitting) -> int:
    """Return how many questions to read, so that one that was not skipped is among them."""
    return _AHEAD * (1 + -(-len(mine.skipped) // _AHEAD))


# -- what is drawn -----------------------------------------------------------------------------------


def show_filters(
    kind: str, batch: int, whole: Queue, batches: dict[int, str], t: Translator
) -> tuple[str, int]:
    """Draw the choice of kinds and of one import; return what is chosen, ``""`` and 0 for all."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="review_filters"):
        offered = {"": t("All"), **{code: t(name) for code, name in KIND_NAMES.items()}}
        counts = {"": whole.total, **whole.questions}
        shown = [code for code in offered if not code or counts.get(code) or code == kind]
        chosen = st.segmented_control(
            t("Kind of question"),
            shown,
            format_func=lambda code: f"{offered[code]} {t.number(counts.get(code, 0))}",
            key=fill_widget("ask_review_kind", kind),
            required=True,
            label_visibility="collapsed",
        )
        if len(batches) > 1 or batch:
            batch = st.selectbox(
                t("Import"),
                [0, *batches],
                format_func=lambda number: batches.get(number, t("All imports")),
                key=fill_widget("ask_review_import", batch),
                label_visibility="collapsed",
                width=280,
            )
    return str(chosen or ""), int(batch)


def show_progress(queue: Queue, kind: str, batch: int, desk: ReviewDesk, visit: Visit) -> None:
    """Draw which question this is, what the last answer did, and the way back.

    It carries the number that waits in all, too: the one in the bar above was drawn before the answer, and the
    browser puts this one there.
    """
    t, mine = visit.t, sitting()
    everywhere = desk.queue(limit=0).total if batch else queue.total
    in_bar = t.number(everywhere) if everywhere else ""
    waiting = queue.questions.get(kind, 0) if kind else queue.total
    open_skipped = min(len(mine.skipped), max(0, waiting - 1))
    said = t("Nothing is waiting")
    if waiting:
        said = t(
            "Question {number} of {total}",
            number=mine.count + open_skipped + 1,
            total=mine.count + waiting,
        )
    with st.container(horizontal=True, vertical_alignment="center", key="review_progress"):
        number = f'<span class="review_number" data-waiting="{in_bar}">{html.escape(said)}</span>'
        st.html(number + _last(mine, t), width="stretch")
        # One's own answer; after the page was opened anew, the last of all, which is named.
        key = mine.answered[-1] if mine.answered else last_question(visit.town)
        words = layout.plain(say_key(key)[:20])
        st.button(
            t("Take back: {word}", word=words) if words else t("Take back"),
            key="review_back",
            shortcut="Z",
            on_click=take_back,
            args=(visit, key),
            disabled=not key,
        )


def _last(mine: Sitting, t: Translator) -> str:
    how, text = ("", "")
    if mine.error is not None:
        how, text = "wrong", t.error(mine.error)
    elif mine.said is not None:
        how, text = mine.said[0], say_parts(mine.said[1], t)
    return f'<span class="review_said {how}" role="status">{html.escape(text)}</span>' if text else ""


def show_question(item: ReviewItem, t: Translator) -> None:
    """Draw the question in one sentence, and why a place is asked about."""
    why = say_why(item, t)
    more = f'<p class="review_why">{html.escape(why)}</p>' if why else ""
    st.html(f'<h2 class="review_question">{html.escape(say_item(item, t))}</h2>{more}')


def show_choices(
    visit: Visit, desk: ReviewDesk, item: ReviewItem, proposals: Sequence[tuple[str, Answer, str]]
) -> None:
    """Draw the proposed answers as numbered buttons.

    Parameters
    ----------
    visit
        The visit.
    desk
        Of this run.
    item
        The question.
    proposals
        What stands on the button, the answer, and its name for people.
    """
    with st.container(key="review_choices", gap="small"):
        for number, (label, said, name) in enumerate(proposals, 1):
            st.button(
                f"**{number}**  {layout.plain(label)}",
                key=f"choose_{number}_{tag(item)}",
                type="primary" if number == 1 else "secondary",
                shortcut=str(number),
                on_click=give,
                args=(visit, desk, item, said, name),
                width="stretch",
                wrap=True,
            )


def proposals_of(item: ReviewItem, visit: Visit) -> list[tuple[str, Answer, str]]:
    """Return what can be answered with a number: label, answer, name of what is chosen."""
    t = visit.t
    if item.kind == "date":
        newest = town_now(visit).year
        return [(str(year), Answer("year", year=year), str(year)) for year in range(newest, newest - 3, -1)]
    made: list[tuple[str, Answer, str]] = []
    refused = sitting().refused
    if refused and refused[0] == item.key:
        made.append((t(KEEP_GRID), replace(refused[1], keep_grid=True), ""))
    names = visit.choices().of("categories")
    for one in item.candidates[: 5 - len(made)]:
        if item.kind in {"category", "held"}:  # in the visitor's language
            one = replace(one, name=names.get(one.code, one.name))
        if item.kind == "held":
            said = Answer("mend", cells=dict(one.cells), keep_grid=one.keep_grid)
        elif item.kind == "place":
            said = Answer(
                "use", name=one.name, lon=one.lon, lat=one.lat, level=one.level, radius_m=one.radius_m
            )
        else:
            said = Answer("use", code=one.code)
        made.append((say_candidate(item, one, t), said, one.name or one.code))
    return made


def show_steps(visit: Visit, desk: ReviewDesk, item: ReviewItem) -> None:
    """Draw what can always be done: skip, put aside; of duplicates merge and keep apart."""
    t = visit.t

    def button(label: str, way: str, key: str, **how: Any) -> None:
        st.button(
            label,
            key=f"{way}_{tag(item)}",
            shortcut=key,
            on_click=give,
            args=(visit, desk, item, Answer(way)),
            **how,
        )

    if item.kind == "duplicate":
        with st.container(horizontal=True, key="review_pair"):
            button(t("Merge: one incident"), "merge", "M", type="primary")
            button(t("Keep apart: two incidents"), "apart", "K")
    with st.container(horizontal=True, key="review_steps"):
        st.button(t("Skip"), key=f"skip_{tag(item)}", shortcut="S", on_click=skip, args=(item,))
        if item.kind == "grid":
            said = t("The reports stay and name no grid; the place alone says where they belong.")
            button(t("Leave the grid empty"), "leave", "X", help=said)
        elif item.kind != "duplicate":
            said = t(
                "The rows do not become reports. They stay in the receipt as held, and can be taken back."
            )
            button(t("Put aside"), "dismiss", "X", help=said)


def show_keys(item: ReviewItem, point: bool, t: Translator) -> None:
    """Draw which key does what; hidden where there is no keyboard."""
    shown = {"all"}
    shown |= {"pair"} if item.kind == "duplicate" else {"aside"}
    shown |= {"choices"} if item.candidates or item.kind == "date" else set()
    shown |= {"field"} if item.can_mend or item.kind in {"category", "grid", "date"} else set()
    shown |= {"point"} if point else set()
    parts = "".join(
        f"<span><kbd>{key}</kbd> {html.escape(t(what))}</span>"
        for group, key, what in _KEYS
        if group in shown
    )
    st.html(f'<div class="legend review_keys">{parts}</div>')


def show_empty(visit: Visit, filtered: Callable[[], None] | None) -> None:
    """Say that nothing is left, and what to do next."""
    t = visit.t
    if filtered is not None:
        st.success(t("Nothing of this kind is waiting."))
        st.button(t("Show all questions"), key="review_all", type="primary", on_click=filtered)
        return
    st.success(t("Nothing is waiting: every row is either a report, merged, repeated or put aside."))
    links = (("imports", t("Import the next file")), ("map", t("See the map")))
    st.html(
        " ".join(
            f'<a class="onward" href="{"" if page == "map" else page}?lang={t.language}" target="_self">'
            f"{html.escape(label)}</a>"
            for page, label in links
        )
    )


def tag(item: ReviewItem) -> str:
    """Return a short name of a question for keys: a key pressed twice cannot answer the next one too."""
    return hashlib.sha256(item.key.encode()).hexdigest()[:12]
