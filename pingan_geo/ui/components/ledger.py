"""What a file was taken to be: sheets, heading, columns; confirmed or put right, and remembered by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.columns import FIELD_NAMES
from pingan_geo.intake.headings import MOST_LEVELS
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.proposals import HeadingSample, LayoutProposal, propose_layout, with_heading
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.heading_line import as_written, show_heading_line
from pingan_geo.ui.components.intake import Upload
from pingan_geo.workflow.layouts import find_layout
from pingan_geo.workflow.notes import describe_skipped

#: Fields offered at once, and those that few ledgers have.
_FIELDS = ("time", "category", "place", "lon", "lat", "lonlat", "description", "source_id", "source", "grid")
_FURTHER = (
    *("clock", "until", "closed", "estate", "building", "unit", "room"),
    *("road", "house_number", "reporter", "datum"),
)
_FAMILIES: Mapping[str, str] = {
    "workbook": mark("a workbook"),
    "json": mark("a list of rows in JSON"),
    "layer": mark("a layer of points"),
    "photos": mark("photos"),
}
_ENCODINGS = {"utf-8": "UTF-8", "gb18030": "GB18030", "utf-16": "UTF-16"}
_SAMPLE_SIGNS = 16


def show_ledger(visit: Visit, upload: Upload) -> str | LedgerLayout | None:
    """Draw what the file was taken to be, and return how it is to be read, ``None`` while that is in doubt.

    Raises
    ------
    PinganError
        If the file is no table at all.
    """
    t = visit.t
    if upload.layout:
        known = find_layout(visit.town, upload.layout)
        st.markdown(t("Read by the layout that was confirmed as {name}.", name=layout.plain(known.name)))
        layout.show_facts({t(FIELD_NAMES.get(name, name)): head for name, head in known.fields.items()})
        return upload.layout
    proposal = _propose(upload, t)
    proposal, sheets = _choose_sheets(upload, proposal, t)
    above = st.container()
    proposal = _move_heading(upload, proposal, t)
    above.markdown("\n".join(f"- {layout.plain(sentence)}" for sentence in _sentences(proposal, t)))
    if proposal.family == "photos":
        return ""
    fields = _choose_fields(upload, proposal, t)
    if proposal.problem is not None and fields == dict(proposal.layout.fields):
        layout.show_error(proposal.problem, t)
        return None
    name = _name_layout(upload, t)
    return replace(
        proposal.layout,
        name=name,
        sheets=sheets,
        fields=fields,
        datum=upload.datum,
        date_order=upload.date_order,
    )


def _propose(upload: Upload, t: Translator, sheet: str = "", first: int = 0, last: int = 0) -> LayoutProposal:
    """Return what is proposed for the file, worked out once for each place of its heading."""
    kept = st.session_state.setdefault("proposals", {})
    if kept.get("file") != upload.file_id:
        kept.clear()
        kept["file"] = upload.file_id
    key = (upload.kind, upload.datum, sheet, first, last)
    if key not in kept:
        with st.spinner(t("Looking at the file …")), upload.file() as file:
            if sheet or first:
                proposed = replace(_propose(upload, t), path=file)
                kept[key] = with_heading(proposed, sheet, first, last)
            else:
                kept[key] = propose_layout(file, kind=upload.kind, datum=upload.datum)
    return kept[key]  # type: ignore[no-any-return]


def _choose_sheets(
    upload: Upload, proposal: LayoutProposal, t: Translator
) -> tuple[LayoutProposal, tuple[str, ...]]:
    """Let sheets be chosen where there are several; no names while all that are alike are read."""
    if len(proposal.sheets) < 2:
        return proposal, ()
    alike = [sheet.name for sheet in proposal.sheets if sheet.is_read]
    rows = {sheet.name: sheet.rows for sheet in proposal.sheets if sheet.is_read}
    chosen = st.multiselect(
        t("Sheets to read"),
        [sheet.name for sheet in proposal.sheets],
        alike,
        format_func=lambda name: (
            t("{sheet} ({count} rows)", sheet=name, count=rows[name]) if name in rows else name
        ),
        key=f"sheets_{upload.file_id}",
        placeholder=t("Choose one"),
    )
    if not chosen or set(chosen) == set(alike):
        return proposal, ()
    if alike[0] not in chosen:
        proposal = _propose(upload, t, chosen[0])
    return proposal, tuple(chosen)


def _move_heading(upload: Upload, proposal: LayoutProposal, t: Translator) -> LayoutProposal:
    """Draw the first rows and return the proposal with the heading where it was put."""
    stood = proposal.layout.heading_rows
    if not stood or not proposal.preview:
        if proposal.preview:
            with st.expander(t("The first rows")):
                _show_rows(proposal)
        return proposal
    sheet = next((each.name for each in proposal.sheets if each.is_read), "")
    keys = [f"heading_{end}_{upload.file_id}_{sheet}" for end in ("first", "last")]
    st.session_state.setdefault(keys[0], stood[0])
    st.session_state.setdefault(keys[1], stood[-1])

    def move(first: int, last: int) -> None:
        st.session_state[keys[0]], st.session_state[keys[1]] = first, last

    newest = proposal.preview[-1].number
    first, last = (min(int(st.session_state[key]), newest) for key in keys)
    last = min(max(first, last), first + MOST_LEVELS - 1)
    if (first, last) != (stood[0], stood[-1]):
        proposal = _propose(upload, t, sheet, first, last)
    layout.show_section(t("The first rows"))
    st.caption(t("Is the blue band the heading? If not, drag its lines, or say the rows below."))
    show_heading_line(proposal.preview, first, last, t, key=f"lines_{upload.file_id}_{sheet}", on_move=move)
    with st.container(horizontal=True, key="heading_rows"):
        for key, label in zip(keys, (t("Heading from row"), t("to row")), strict=True):
            st.number_input(label, 1, newest, key=key, width=140)
    return proposal


def _show_rows(proposal: LayoutProposal) -> None:
    headings = [column.heading for column in proposal.columns]
    rows = [dict(zip(headings, row.cells, strict=False)) for row in proposal.preview]
    st.dataframe(rows, hide_index=True, width="stretch", height=220)


def _sentences(proposal: LayoutProposal, t: Translator) -> Iterator[str]:
    """Say what the file was taken to be."""
    if proposal.family == "csv":
        encoding = _ENCODINGS.get(proposal.encoding, proposal.encoding)
        yield t("Read as a text table in {encoding}.", encoding=encoding)
    else:
        yield t("Taken for {found}.", found=_FAMILIES.get(proposal.family, proposal.family))
    if proposal.is_whole:
        yield t("{count} rows to import.", count=proposal.rows)
    else:
        yield t("A large file: only the first {count} rows were looked at here.", count=proposal.rows)
    unread = [sheet.name for sheet in proposal.sheets if not sheet.is_read]
    if unread:
        yield t("Not read: the sheets {sheets}.", sheets=unread)
    ledger = proposal.layout
    if ledger.title_rows:
        yield t("Above the headings, as a title: row {rows}.", rows=list(ledger.title_rows))
    if len(ledger.heading_rows) > 1:
        yield t(
            "The headings stand in rows {first} to {last} and were joined, as in {example}.",
            first=ledger.heading_rows[0],
            last=ledger.heading_rows[-1],
            example=next((name for name in ledger.headings if "-" in name), ledger.headings[0]),
        )
    for msgid, values in describe_skipped(proposal.put_aside):
        yield t(msgid, **values)
    if proposal.blank_columns:
        yield t("Blank columns were left out: {columns}.", columns=list(proposal.blank_columns))
    twins = [f"{column.same_as} → {column.heading}" for column in proposal.columns if column.same_as]
    if twins:
        yield t("Headings that stand twice were told apart: {columns}.", columns=twins)
    personal = [column.heading for column in proposal.columns if column.personal]
    if personal:
        yield t("About persons, not stored: {columns}.", columns=personal)


def _choose_fields(upload: Upload, proposal: LayoutProposal, t: Translator) -> dict[str, str]:
    """Draw which column is what, with a choice for each field, and return field to heading."""
    layout.show_section(t("Which column is what"))
    place = st.container(key="columns_found")
    at_once = [name for name in _FIELDS if name in FIELD_NAMES]
    at_once += [name for name in proposal.layout.fields if name not in at_once]
    with st.expander(t("Choose other columns"), expanded=proposal.problem is not None):
        chosen = _choose_some(upload, proposal, at_once, t)
        st.caption(t("Few ledgers have these:"))
        chosen |= _choose_some(upload, proposal, [name for name in _FURTHER if name not in at_once], t)
    fields = {name: heading for name, heading in chosen.items() if heading}
    samples = {column.heading: t(", ").join(map(_short, column.samples)) for column in proposal.columns}
    with place:
        layout.show_facts(
            {
                t(FIELD_NAMES[name]): f"{heading}  ({samples[heading]})" if samples[heading] else heading
                for name, heading in fields.items()
            }
        )
    named = list(fields.values())
    doubled = sorted({heading for heading in named if named.count(heading) > 1})
    if doubled:
        st.caption(t("Chosen for two fields: {columns}.", columns=[layout.plain(one) for one in doubled]))
    return fields


def _choose_some(
    upload: Upload, proposal: LayoutProposal, fields: Sequence[str], t: Translator
) -> dict[str, str]:
    columns = {column.heading: column for column in proposal.columns if not column.personal}
    place = "-".join(map(str, proposal.layout.heading_rows))
    chosen = {}
    for start in range(0, len(fields), 4):
        for slot, name in zip(st.columns(4), fields[start : start + 4], strict=False):
            taken = proposal.layout.fields.get(name, "")
            options = ["", *columns]
            heading = slot.selectbox(
                t(FIELD_NAMES[name]),
                options,
                options.index(taken) if taken in columns else 0,
                format_func=lambda one: _with_samples(columns[one]) if one else t("— none —"),
                key=f"field_{name}_{place}_{upload.file_id}",
            )
            chosen[name] = heading
    return chosen


def _with_samples(column: HeadingSample) -> str:
    samples = " | ".join(map(_short, column.samples))
    return f"{column.heading} ({samples})" if samples else column.heading


def _short(text: str) -> str:
    text = as_written(text)
    return text if len(text) <= _SAMPLE_SIGNS else text[:_SAMPLE_SIGNS] + "…"


def _name_layout(upload: Upload, t: Translator) -> str:
    """Return the name under which the layout is to be remembered, ``""`` for not at all."""
    name = st.text_input(
        t("Remember this layout as (may be empty)"),
        key=f"layout_name_{upload.file_id}",
        max_chars=60,
        placeholder=t("e.g. the station's monthly ledger"),
        help=t("The next file of this ledger is then read without asking; choose the name above."),
    )
    return " ".join(name.split())
