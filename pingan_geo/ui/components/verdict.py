"""The sentence over a hotspot list, and the test behind one of its cells."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pingan_geo.i18n import Translator
from pingan_geo.ui.components import layout
from pingan_geo.workflow.courses import CHANGE_WORDS, LIFE_WORDS, say_word
from pingan_geo.workflow.hotspots import Hotspots
from pingan_geo.workflow.verdicts import CORRECTIONS

_SMALLEST_P = 0.0001


def show_verdict(found: Hotspots) -> None:
    """Say in one sentence what the test finds, and in a second what it finds of the first cell."""
    first = found.tests["verdict"].iloc[0] if found.method == "gi" and len(found.tests) else ""
    said = [found.verdict, str(first) if found.significant else ""]
    words = "  \n".join(f"**{layout.plain(part)}**" for part in said if part)
    if words:
        st.markdown(words)


def show_test(found: Hotspots, cell: str, t: Translator) -> None:
    """Draw the test of a listed cell; without one a line that says how to see it."""
    rows = np.flatnonzero((found.table["cell"] == cell).to_numpy())
    if not len(rows):
        st.caption(t("Click a cell on the map or a row of the list to see its test."))
        return
    row = int(rows[0])
    listed, tested = found.table.iloc[row], found.tests.iloc[row]
    layout.show_section(t("Cell {rank}: the test", rank=int(listed["rank"])))
    if not tested["verdict"]:
        st.markdown(t("Not tested: reports and finds of patrols are not tested together."))
        return
    st.markdown(f"**{layout.plain(tested['verdict'])}**")
    words = (say_word(listed["life"], LIFE_WORDS, t), say_word(listed["change"], CHANGE_WORDS, t))
    st.markdown(" · ".join(layout.plain(word) for word in words if word))
    layout.show_facts(
        {
            t("Reports in the cell"): t.number(listed["count"]),
            t("Reports in the cell and its neighbours ({count} cells)", count=int(tested["cells"])): t.number(
                tested["observed"]
            ),
            t("As many would be there at the mean"): t.number(tested["expected"], 1),
            t("Ratio"): t.number(tested["observed"] / tested["expected"], 1),
            t("Gi* z"): t.number(tested["z"], 2),
            t("p of Gi*, not corrected"): _p_value(tested["p_gi"], t),
            t("p if reports were scattered at random, not corrected"): _p_value(tested["p_scatter"], t),
            t("p, corrected ({correction})", correction=t(CORRECTIONS[found.correction])): _p_value(
                tested["p_value"], t
            ),
            t("Listed again, of all recounts"): ""
            if np.isnan(tested["stability"])
            else t.percent(tested["stability"], 0),
        }
    )
    st.caption(
        t(
            "p is how often chance alone would bring so many reports here; the larger of the two is corrected "
            "for the number of cells. It is not the chance that this is no hotspot, and it says nothing of danger: where more "
            "people live and report, more is reported."
        )
    )
    if not np.isnan(tested["stability"]):
        st.caption(
            t(
                "Recounts: the most reported cells of as large an area, with cells of other sizes, cells moved, "
                "and reports drawn anew. A low share: the place on the list depends on where cells lie, or on "
                "few reports."
            )
        )


def _p_value(p_value: float, t: Translator) -> str:
    if p_value != p_value:
        return t("no verdict, too few reports")
    return f"<{_SMALLEST_P}" if p_value < _SMALLEST_P else t.number(p_value, 4)
