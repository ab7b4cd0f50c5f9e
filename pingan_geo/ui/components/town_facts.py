"""Parts of the town page: counts, layers and their faults, posts, categories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.cache import Visit
from pingan_geo.workflow.inventory import FEATURE_KINDS, LayerCheck

LAYER_NAMES: Mapping[str, str] = {
    "area": mark("Town area"),
    "villages": mark("Villages"),
    "grids": mark("Grids"),
    "beats": mark("Police beats"),
    "estates": mark("Estates"),
    "roads": mark("Roads"),
    "waters": mark("Waters"),
}
_FEATURE_NAMES: Mapping[str, str] = {
    "stations": mark("Alliance stations"),
    "posts": mark("Safety posts"),
    "enterprises": mark("Enterprises"),
    "places": mark("Named places"),
    "volunteers": mark("Volunteers"),
}
_LISTED = 5


@dataclass(frozen=True, eq=False)
class LayerChecks:
    """The table of layers, and the checks that found something."""

    table: pd.DataFrame
    found: tuple[LayerCheck, ...]


def feature_counts(visit: Visit) -> pd.DataFrame:
    """Return how many features of each kind the town holds."""
    t = visit.t
    counts = {t(_FEATURE_NAMES[kind]): len(visit.features(kind)) for kind in FEATURE_KINDS}
    return pd.DataFrame({"kind": list(counts), "number": list(counts.values())})


def layer_checks(visit: Visit) -> LayerChecks:
    """Return the layers with their numbers and the result of their check."""
    t, checks = visit.t, visit.layer_checks()
    rows = [
        {
            "layer": t(LAYER_NAMES[check.layer]),
            "number": check.shapes,
            "overlap_m2": check.report.overlap_m2 if check.report else float("nan"),
            "gap_m2": check.report.gap_m2 if check.report else float("nan"),
            "check": _result(check, t),
        }
        for check in checks
    ]
    return LayerChecks(
        pd.DataFrame(rows), tuple(c for c in checks if c.report is not None and not c.report.sound)
    )


def show_check(check: LayerCheck, t: Translator) -> None:
    """Draw the largest faults of one layer, with where they are."""
    report, name = check.report, t(LAYER_NAMES[check.layer])
    if report is None:
        return
    lines = [
        t(
            "{name}: {a} and {b} overlap by {area} m² at {lon}, {lat}",
            name=name,
            a=row.code_a,
            b=row.code_b,
            area=int(row.area_m2),
            lon=f"{row.lon:.5f}",
            lat=f"{row.lat:.5f}",
        )
        for row in report.overlaps.head(_LISTED).itertuples()
    ]
    lines += [
        t(
            "{name}: a gap of {area} m² at {lon}, {lat}",
            name=name,
            area=int(row.area_m2),
            lon=f"{row.lon:.5f}",
            lat=f"{row.lat:.5f}",
        )
        for row in report.gaps.head(_LISTED).itertuples()
    ]
    lines += [
        t("{name}: {code} reaches {area} m² out of the town", name=name, code=row.code, area=int(row.area_m2))
        for row in report.outside.head(_LISTED).itertuples()
    ]
    rest = len(report.overlaps) + len(report.gaps) + len(report.outside) - len(lines)
    if rest:
        lines.append(t("{name}: {count} more", name=name, count=rest))
    st.markdown("\n".join(f"- {line}" for line in lines))


def post_list(visit: Visit) -> pd.DataFrame:
    """Return the safety posts with whatever their ledger says of them."""
    return with_attributes(visit, visit.features("posts"))


def with_attributes(visit: Visit, features: pd.DataFrame) -> pd.DataFrame:
    """Return a FEATURES table with its attributes as columns, and polygons by name."""
    choices = visit.choices()
    grids, villages = choices.of("grids"), choices.of("villages")
    table = pd.DataFrame(
        {
            "name": features["name"],
            "kind": features["kind"],
            "village": [villages.get(code, code) for code in features["village_id"]],
            "grid": [grids.get(code, code) for code in features["grid_id"]],
        }
    )
    read = [json.loads(text or "{}") for text in features["attributes"]]
    more = pd.DataFrame(
        [{name: _as_text(value, visit.t) for name, value in one.items()} for one in read],
        index=features.index,
    )
    more = more[[name for name in more.columns if name not in table.columns]].fillna("").astype("str")
    table = table.loc[:, [bool((table[name] != "").any()) for name in table.columns]]
    return pd.concat([table, more], axis=1).reset_index(drop=True)


def _as_text(value: object, t: Translator) -> str:
    if isinstance(value, list):
        return t(", ").join(str(part) for part in value)
    return "" if value is None else str(value)


def taxonomy(visit: Visit) -> pd.DataFrame:
    """Return the categories of the town with the number of reports of each."""
    t, index = visit.t, visit.index
    boards = visit.choices().of("boards")
    counts = pd.Series(index.category.code).value_counts()
    number = {value: int(counts.get(code, 0)) for code, value in enumerate(index.category.names)}
    rows = [
        {
            "code": one.code,
            "name": t.pick(one.name, one.name_en),
            "board": boards.get(one.board, one.board),
            "lead_office": one.lead_office,
            "count": number.pop(one.code, 0),
        }
        for one in visit.settings.categories
    ]
    rows += [
        {"code": code, "name": code, "board": "", "lead_office": "", "count": n} for code, n in number.items()
    ]
    return pd.DataFrame(rows)


def _result(check: LayerCheck, t: Translator) -> str:
    if not check.shapes:
        return t("not there")
    if check.report is None:
        return t("needs none")
    return t("sound") if check.report.sound else t("see below")
