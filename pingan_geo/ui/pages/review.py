"""The review: what the program could not decide, one question at a time, answered by keys alone."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout, review, review_facts
from pingan_geo.ui.components.review_answers import show_free_answers, takes_point
from pingan_geo.ui.components.review_map import show_ground, show_item_map
from pingan_geo.ui.state import keep_review, read_review
from pingan_geo.workflow.inventory import load_receipt
from pingan_geo.workflow.review import KINDS, ReviewItem


def show(visit: Visit) -> None:
    """Draw the page."""
    t = visit.t
    said = t("What the program must not decide alone. One answer frees all rows that ask it.")
    layout.show_heading(visit, t("Review"), said)
    show_ground(visit)
    st.fragment(_show_desk)(visit)  # the next question comes without reading all reports again


def _show_desk(visit: Visit) -> None:
    try:
        _show_queue(visit)
    except PinganError as error:
        layout.show_error(error, visit.t)


def _show_queue(visit: Visit) -> None:
    t, mine, desk = visit.t, review.sitting(), visit.review_desk()
    batches = desk.batches()
    kind, batch, refused = read_review(KINDS, batches)
    layout.show_refused(refused, t)
    queue = desk.queue(kind, batch, review.ahead(mine))
    chosen = review.show_filters(kind, batch, queue, batches, t)
    if chosen != (kind, batch):
        kind, batch = chosen
        queue = desk.queue(kind, batch, review.ahead(mine))
    keep_review(kind, batch, t.language)
    mine.filter_by(kind, batch)
    review.show_progress(queue, kind, batch, desk, visit)
    item = review.next_item(queue, mine)
    if item is None:
        review.show_empty(visit, _all_questions if kind or batch else None)
        return
    left, right = st.columns([6, 5], gap="medium")
    with left:
        review.show_question(item, t)
        review_facts.show_where(item, t)
        if item.kind == "duplicate":
            review_facts.show_pair(visit, item)
        else:
            review_facts.show_photos(visit, item)
        review.show_choices(visit, desk, item, review.proposals_of(item, visit))
        review.show_steps(visit, desk, item)
        columns = load_receipt(visit.town, item.batch).columns if item.file else {}
        faults = review_facts.faults_of(item, columns)
        if item.kind != "duplicate":
            show_free_answers(visit, desk, item, faults)
    with right:
        if item.kind in {"place", "grid", "duplicate", "held"}:
            pick = partial(_point_at, item) if takes_point(item) else None
            show_item_map(visit, item, point=mine.point_of(item), pick=pick)
        if item.kind != "duplicate" and not item.can_mend:
            review_facts.show_row(item, faults, t)
    review.show_keys(item, takes_point(item), t)


def _all_questions() -> None:
    st.session_state["review_asked"], st.session_state["refill"] = ("", 0), True


def _point_at(item: ReviewItem, lon: float, lat: float) -> None:
    review.sitting().point = (item.key, lon, lat)
