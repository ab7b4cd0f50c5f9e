"""One function per user task: the public interface.

Plain tables and values in, tables and values out; no global state, no clock, no network. Names are looked up
when they are first used, so that a command that needs one of them does not wait for all.
"""

# ruff: noqa: TC004 - the names are found by __getattr__ when they are first used
from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pingan_geo.workflow.aliases import (
        add_alias,
        export_aliases,
        import_aliases,
        list_aliases,
        remove_alias,
    )
    from pingan_geo.workflow.analysis import (
        AreaFindings,
        Emerging,
        analyse_area,
        compare_two_periods,
        emerging_cluster,
    )
    from pingan_geo.workflow.answers import Answer, Outcome, answer, take_back_answer
    from pingan_geo.workflow.checks import Finding, check_town
    from pingan_geo.workflow.corrections import list_corrections
    from pingan_geo.workflow.duplicates import (
        Incident,
        Search,
        find_all_duplicates,
        keep_apart,
        merge,
        reports_of_incident,
        unmerge,
    )
    from pingan_geo.workflow.explore import MapView, explore, index_reports, load_reports
    from pingan_geo.workflow.exports import Export, export_table
    from pingan_geo.workflow.gazetteer import proposing_geocoder, town_gazetteer, town_geocoder
    from pingan_geo.workflow.held import export_held, held_rows
    from pingan_geo.workflow.hotspots import Hotspots, export_hotspots, find_hotspots
    from pingan_geo.workflow.import_layers import import_layer, undo_import
    from pingan_geo.workflow.import_reports import import_reports
    from pingan_geo.workflow.layouts import find_layout, forget_layout, list_layouts, remember_layout
    from pingan_geo.workflow.ledger_export import export_ledger
    from pingan_geo.workflow.locate import LocatedTable, locate_table
    from pingan_geo.workflow.make_demo import make_demo
    from pingan_geo.workflow.patrol_effect import Effect, patrol_effect
    from pingan_geo.workflow.patrol_request import PatrolRequest, TeamRequest
    from pingan_geo.workflow.patrol_return import take_return
    from pingan_geo.workflow.plan_patrol import (
        Changes,
        list_patrols,
        load_patrol,
        plan_patrol,
        replan,
        write_patrol_pack,
    )
    from pingan_geo.workflow.rates import RateTable, export_rates, rate_table
    from pingan_geo.workflow.review import Candidate, Queue, ReviewItem, review_queue
    from pingan_geo.workflow.towns import Town, create_town, open_town
    from pingan_geo.workflow.views import delete_view, find_view, list_views, rename_view, save_view

__all__ = [
    "Answer",
    "AreaFindings",
    "Candidate",
    "Changes",
    "Effect",
    "Emerging",
    "Export",
    "Finding",
    "Hotspots",
    "Incident",
    "LocatedTable",
    "MapView",
    "Outcome",
    "PatrolRequest",
    "Queue",
    "RateTable",
    "ReviewItem",
    "Search",
    "TeamRequest",
    "Town",
    "add_alias",
    "analyse_area",
    "answer",
    "check_town",
    "compare_two_periods",
    "create_town",
    "delete_view",
    "emerging_cluster",
    "explore",
    "export_aliases",
    "export_held",
    "export_hotspots",
    "export_ledger",
    "export_rates",
    "export_table",
    "find_all_duplicates",
    "find_hotspots",
    "find_layout",
    "find_view",
    "forget_layout",
    "held_rows",
    "import_aliases",
    "import_layer",
    "import_reports",
    "index_reports",
    "keep_apart",
    "list_aliases",
    "list_corrections",
    "list_layouts",
    "list_patrols",
    "list_views",
    "load_patrol",
    "load_reports",
    "locate_table",
    "make_demo",
    "merge",
    "open_town",
    "patrol_effect",
    "plan_patrol",
    "proposing_geocoder",
    "rate_table",
    "remember_layout",
    "remove_alias",
    "rename_view",
    "replan",
    "reports_of_incident",
    "review_queue",
    "save_view",
    "take_back_answer",
    "take_return",
    "town_gazetteer",
    "town_geocoder",
    "undo_import",
    "unmerge",
    "write_patrol_pack",
]

_MODULES = {
    "Answer": "answers",
    "AreaFindings": "analysis",
    "Candidate": "review",
    "Changes": "plan_patrol",
    "Effect": "patrol_effect",
    "Emerging": "analysis",
    "Export": "exports",
    "Finding": "checks",
    "Hotspots": "hotspots",
    "Incident": "duplicates",
    "LocatedTable": "locate",
    "MapView": "explore",
    "Outcome": "answers",
    "PatrolRequest": "patrol_request",
    "Queue": "review",
    "RateTable": "rates",
    "ReviewItem": "review",
    "Search": "duplicates",
    "TeamRequest": "patrol_request",
    "Town": "towns",
    "add_alias": "aliases",
    "analyse_area": "analysis",
    "answer": "answers",
    "check_town": "checks",
    "compare_two_periods": "analysis",
    "create_town": "towns",
    "delete_view": "views",
    "emerging_cluster": "analysis",
    "explore": "explore",
    "export_aliases": "aliases",
    "export_held": "held",
    "export_hotspots": "hotspots",
    "export_ledger": "ledger_export",
    "export_rates": "rates",
    "export_table": "exports",
    "find_all_duplicates": "duplicates",
    "find_hotspots": "hotspots",
    "find_layout": "layouts",
    "find_view": "views",
    "forget_layout": "layouts",
    "held_rows": "held",
    "import_aliases": "aliases",
    "import_layer": "import_layers",
    "import_reports": "import_reports",
    "index_reports": "explore",
    "keep_apart": "duplicates",
    "list_aliases": "aliases",
    "list_corrections": "corrections",
    "list_layouts": "layouts",
    "list_patrols": "plan_patrol",
    "list_views": "views",
    "load_patrol": "plan_patrol",
    "load_reports": "explore",
    "locate_table": "locate",
    "make_demo": "make_demo",
    "merge": "duplicates",
    "open_town": "towns",
    "patrol_effect": "patrol_effect",
    "plan_patrol": "plan_patrol",
    "proposing_geocoder": "gazetteer",
    "rate_table": "rates",
    "remember_layout": "layouts",
    "remove_alias": "aliases",
    "rename_view": "views",
    "replan": "plan_patrol",
    "reports_of_incident": "duplicates",
    "review_queue": "review",
    "save_view": "views",
    "take_back_answer": "answers",
    "take_return": "patrol_return",
    "town_gazetteer": "gazetteer",
    "town_geocoder": "gazetteer",
    "undo_import": "import_layers",
    "unmerge": "duplicates",
    "write_patrol_pack": "plan_patrol",
}


class _Workflow(ModuleType):
    """The package, where a function wins over the module of the same name that holds it.

    Python binds a module to its package when it is first imported, so what ``workflow.explore`` is would
    depend on who imported what before.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{self.__name__}.{_MODULES[name]}"), name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Workflow
