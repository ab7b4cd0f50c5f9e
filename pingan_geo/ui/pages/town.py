"""The town itself: its layers and whether they are sound, its taxonomy, what the data are and are not."""

from __future__ import annotations

import streamlit as st

from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.tables import show_table
from pingan_geo.ui.components.town_facts import (
    feature_counts,
    layer_checks,
    post_list,
    show_check,
    taxonomy,
)
from pingan_geo.ui.state import keep_language


def show(visit: Visit) -> None:
    """Draw the page."""
    t, settings = visit.t, visit.settings
    keep_language(t.language)
    layout.show_heading(visit, t("Town"))
    if settings.synthetic:
        st.warning(
            t("This town is made up: the names are real, its borders, people, firms and reports are not.")
        )
    facts, layers = st.columns([1, 2], gap="large")
    with facts:
        layout.show_section(t("Facts"))
        layout.show_facts(
            {
                t("Name"): visit.name,
                t("Code"): settings.code,
                t("Time zone"): settings.timezone,
                t("Periods end with"): t.date(visit.today),
                t("Reports"): t.number(len(visit.index)),
                t("Coordinates of ledgers that say nothing"): settings.datum,
                t("Cell size"): t(
                    "overview {leader}, patrol {patrol}, stored {finest} (H3)",
                    leader=settings.leader_resolution,
                    patrol=settings.patrol_resolution,
                    finest=settings.finest,
                ),
                t("Data version"): visit.version,
                t("Notice"): settings.notice,
            }
        )
        layout.show_section(t("What the town holds"))
        show_table(feature_counts(visit), t, key="features")
    with layers:
        layout.show_section(t("Layers and their check"))
        checks = layer_checks(visit)
        show_table(checks.table, t, key="layers")
        for check in checks.found:
            show_check(check, t)
    posts = post_list(visit)
    layout.show_section(t("Safety posts"))
    show_table(posts, t, key="posts", height=280)
    layout.show_section(t("Categories"))
    show_table(taxonomy(visit), t, key="taxonomy", height=280)
    layout.show_section(t("About the numbers"))
    st.markdown(
        "\n".join(
            f"- {line}"
            for line in (
                t("A count is of reports as received. Several reports may tell of one matter."),
                t("Reports follow the people who report: fewer reports is not safer."),
                t("What the public reported and what patrols found are kept apart everywhere."),
                t("Hexagons are H3 cells; a report on a border of polygons belongs to the smaller code."),
                t("Nothing on these pages is loaded from the internet."),
            )
        )
    )
