"""The table twin of the map: the same numbers, to sort and to take away."""

from __future__ import annotations

from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import downloads, layout, tables
from pingan_geo.ui.components.watch import about_watch
from pingan_geo.ui.state import LAYERS, Question
from pingan_geo.workflow.explore import MapView


def show_twin(visit: Visit, question: Question, view: MapView) -> None:
    """Draw the table of what the map draws, and its files."""
    t = visit.t
    about = layout.say_question(question, visit.choices(), view.period, t)
    about += about_watch(visit, question)
    layout.show_section(t("The same as a table"))
    if question.layer == "points":
        table, shown = tables.point_table(visit, view)
        layout.show_cut(shown, view.total, t)
        tables.show_table(tables.worded_reports(visit, table), t, key="twin", height=320)
    else:
        table = tables.drawn_table(visit, view, question.layer)
        tables.show_table(tables.worded_cells(visit, table), t, key="twin", height=320)
        if table.empty:
            return
    downloads.offer_downloads(
        visit,
        table,
        name=question.layer,
        title=t(LAYERS[question.layer]),
        key="twin",
        geometry=tables.geometry_of(question.layer),
        about=about,
    )
