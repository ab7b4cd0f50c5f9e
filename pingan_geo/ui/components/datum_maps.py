"""Which datum a file is in: what its rows say, two small maps beside each other, one answer."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import streamlit as st
from numpy.typing import NDArray

from pingan_geo.coords import to_wgs84
from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.datum_guess import DatumFit
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.intake import own_key

if TYPE_CHECKING:
    from pingan_geo.workflow.reading import SourceGuess

_NAMES = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09", "cgcs2000": "CGCS2000"}
_WIDTH, _HEIGHT = 520, 340
_DRAWN = 150
_SOURCES = 6
#: Blue for the datum that fits best, orange for the next: told apart by the colour-blind too.
_COLOURS = ("#0b5394", "#c2570c")
_METRES = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
_WHY = {
    "too_few": mark("That is too few to decide by itself."),
    "none_fits": mark("Hardly any row fits: the places or the coordinates are of another kind."),
    "mixed": mark("The rows are of two kinds."),
    "no_margin": mark("The difference is too small to decide by itself."),
}
_Bounds = tuple[float, float, float, float]


def show_datum(visit: Visit, guesses: Sequence[SourceGuess], stated: str, read_as: str) -> None:
    """Draw what the rows say of their datum, and let a person decide.

    Parameters
    ----------
    visit
        The visit.
    guesses
        One for the whole file, or one a source.
    stated
        The datum that is chosen on the page, ``""`` for none.
    read_as
        In which the check has read the file, ``""`` when it could not.
    """
    t = visit.t
    guesses = [one for one in guesses if one.guess.usable and len(one.guess.fits) > 1]
    if not guesses:
        return
    layout.show_section(t("Which coordinates are these?"))
    for one in guesses[:_SOURCES]:
        _show_guess(visit, one)
    if len(guesses) > _SOURCES:
        st.caption(t("And {count} further sources.", count=len(guesses) - _SOURCES))
    _ask(guesses, stated, read_as, t)


def _show_guess(visit: Visit, one: SourceGuess) -> None:
    t, guess = visit.t, one.guess
    best, other = guess.fits[:2]
    if one.source:
        st.markdown(f"**{t('Source')}: {layout.plain(one.source)}**")
    st.markdown(
        t(
            "{fits} of {rows} rows fit {datum}, {others} fit {other}.",
            fits=best.rows,
            rows=guess.usable,
            datum=_named(best.datum),
            others=other.rows,
            other=_named(other.datum),
        )
        + ("" if guess.clear else " " + t(_WHY.get(guess.reason, _WHY["no_margin"])))
    )
    usable = guess.rows["usable"].to_numpy(dtype=bool)
    points = one.points[["x", "y", "known_lon", "known_lat"]].to_numpy("float64")[usable][:_DRAWN]
    bounds = _bounds(points)
    ground = _ground(visit, bounds)
    for slot, fit, colour in zip(st.columns(2), (best, other), _COLOURS, strict=True):
        slot.html(_figure(points, fit, colour, bounds, ground, guess.usable, t))
    said = t("Dots: the rows as they would be read. Squares: the places that the same rows name.")
    if guess.usable > len(points):
        said += " " + t("The first {shown} of {total}.", shown=len(points), total=guess.usable)
    st.caption(said)


def _ask(guesses: Sequence[SourceGuess], stated: str, read_as: str, t: Translator) -> None:
    """Draw one button an answer; the one in force is filled."""
    by_rows: dict[str, int] = {}
    for one in guesses:
        for fit in one.guess.fits[:2]:
            by_rows[fit.datum] = by_rows.get(fit.datum, 0) + fit.rows
    answers = sorted(by_rows, key=lambda datum: -by_rows[datum])[:3]
    in_force = stated
    if any(one.source for one in guesses):
        answers.append("")
    else:
        in_force = stated or read_as
    with st.container(horizontal=True, key="datum_answers"):
        for datum in answers:
            st.button(
                _answer(datum, t),
                key=f"datum_{datum or 'each'}",
                type="primary" if datum == in_force and (datum or read_as) else "secondary",
                on_click=_state,
                args=(datum,),
            )
    if in_force and not stated:
        st.caption(t("Read as {datum} unless you say otherwise.", datum=_named(in_force)))


def _answer(datum: str, t: Translator) -> str:
    if not datum:
        return t("Each source its own way")
    if datum == "wgs84":
        return t("Keep as they are ({datum})", datum=_named(datum))
    return t("Convert from {datum}", datum=_named(datum))


def _state(datum: str) -> None:
    st.session_state[own_key("import_datum")] = datum


def _named(datum: str) -> str:
    return _NAMES.get(datum, datum)


# -- drawing -----------------------------------------------------------------------------------------


def _figure(
    points: NDArray[np.float64],
    fit: DatumFit,
    colour: str,
    bounds: _Bounds,
    ground: Sequence[tuple[Any, str]],
    usable: int,
    t: Translator,
) -> str:
    """Return one of the maps with its caption above."""
    title = t("Read as {datum}", datum=_named(fit.datum))
    said = t(
        "{fits} of {rows} fit; typically {metres} m off",
        fits=fit.rows,
        rows=usable,
        metres=round(fit.median_m),
    )
    picture = base64.b64encode(datum_svg(points, fit.datum, colour, bounds, ground).encode()).decode("ascii")
    return (
        f'<figure class="datum"><figcaption><i style="background:{colour}"></i><b>{html.escape(title)}</b> '
        f'{html.escape(said)}</figcaption><img alt="{html.escape(title)}: {html.escape(said)}" '
        f'src="data:image/svg+xml;base64,{picture}"></figure>'
    )


def datum_svg(
    points: NDArray[np.float64],
    datum: str,
    colour: str,
    bounds: _Bounds,
    ground: Sequence[tuple[Any, str]] = (),
) -> str:
    """Return a drawing of points read in a datum, each joined to the place that its row names.

    Parameters
    ----------
    points
        Rows of x, y as written, and longitude and latitude (WGS-84) of the known place.
    datum
        In which x and y are read.
    colour
        Of the points.
    bounds
        ``(west, south, east, north)`` of the drawing, WGS-84 degrees.
    ground
        Lines for orientation with their colours.
    """
    west, south, east, north = bounds
    shrink = np.cos(np.radians((south + north) / 2))
    scale = min(_WIDTH / ((east - west) * shrink), _HEIGHT / (north - south))
    middle = np.array([(west + east) / 2, (south + north) / 2])

    def place(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        offset = (np.atleast_2d(coordinates) - middle) * np.array([shrink, -1.0]) * scale
        return np.asarray(np.round(offset + np.array([_WIDTH / 2, _HEIGHT / 2]), 1), dtype=np.float64)

    read = place(np.column_stack(to_wgs84(points[:, 0], points[:, 1], datum)))
    known = place(points[:, 2:4])
    drawn = [
        f'<polyline points="{_path(place(shapely.get_coordinates(line)))}" stroke="{stroke}" stroke-width="1.4"/>'
        for shapes, stroke in ground
        for line in shapely.get_parts(shapes)
        if shapely.get_type_id(line) == 1
    ]
    drawn += [
        f'<line x1="{one[0]}" y1="{one[1]}" x2="{two[0]}" y2="{two[1]}" stroke="{colour}" stroke-width="1.2" opacity="0.75"/>'
        for one, two in zip(read, known, strict=True)
    ]
    drawn += [
        f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" fill="#ffffff" stroke="#2b2b28" stroke-width="1.3"/>'
        for x, y in known
    ]
    drawn += [
        f'<circle cx="{x}" cy="{y}" r="3.6" fill="{colour}" stroke="#ffffff" stroke-width="0.8"/>'
        for x, y in read
    ]
    metre = scale / 110_574.0
    length = max([one for one in _METRES if one * metre <= _WIDTH / 3] or [_METRES[0]])
    said = f"{length} m" if length < 1_000 else f"{length // 1_000} km"
    bar = (
        f'<path d="M12 {_HEIGHT - 17} v5 h{length * metre:.1f} v-5" stroke="#2b2b28" stroke-width="1.4"/>'
        f'<text x="16" y="{_HEIGHT - 20}" fill="#2b2b28" font-size="13" font-family="sans-serif">{said}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="none">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f4f4f1"/>{"".join(drawn)}{bar}</svg>'
    )


def _path(corners: NDArray[np.float64]) -> str:
    return " ".join(f"{x},{y}" for x, y in corners)


def _bounds(points: NDArray[np.float64]) -> _Bounds:
    """Return a frame of the drawing's shape about the known places, with room for what lies 1 km beside them."""
    west, south = np.min(points[:, 2:4], axis=0)
    east, north = np.max(points[:, 2:4], axis=0)
    shrink = float(np.cos(np.radians((south + north) / 2)))
    height = max(float(north - south) + 0.024, (float(east - west) * shrink + 0.024) * _HEIGHT / _WIDTH)
    width = height / shrink * _WIDTH / _HEIGHT
    x, y = float(west + east) / 2, float(south + north) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _ground(visit: Visit, bounds: _Bounds) -> list[tuple[Any, str]]:
    """Return the main lines of the town inside the frame, with their colours."""
    ground = []
    for layer, colour in (("roads", "#cfcfc8"), ("area", "#8a8a84")):
        frame = visit.polygons(layer)
        if len(frame):
            shapes = np.asarray(frame.geometry.values, dtype=object)
            lines = np.where(np.isin(shapely.get_type_id(shapes), (3, 6)), shapely.boundary(shapes), shapes)
            cut = shapely.clip_by_rect(shapely.simplify(lines, 0.000_05), *bounds)
            parts = shapely.get_parts(cut[~shapely.is_empty(cut)])
            ground.append((parts, colour))
    return ground
