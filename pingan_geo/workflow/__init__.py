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
    from pingan_geo.workflow.checks import Finding, check_town
    from pingan_geo.workflow.explore import MapView, explore, index_reports, load_reports
    from pingan_geo.workflow.exports import Export, export_table
    from pingan_geo.workflow.held import export_held, held_rows
    from pingan_geo.workflow.hotspots import Hotspots, export_hotspots, find_hotspots
    from pingan_geo.workflow.import_layers import import_layer, undo_import
    from pingan_geo.workflow.import_reports import import_reports
    from pingan_geo.workflow.make_demo import make_demo
    from pingan_geo.workflow.towns import Town, create_town, open_town

__all__ = [
    "Export",
    "Finding",
    "Hotspots",
    "MapView",
    "Town",
    "check_town",
    "create_town",
    "explore",
    "export_held",
    "export_hotspots",
    "export_table",
    "find_hotspots",
    "held_rows",
    "import_layer",
    "import_reports",
    "index_reports",
    "load_reports",
    "make_demo",
    "open_town",
    "undo_import",
]

_MODULES = {
    "Export": "exports",
    "Finding": "checks",
    "Hotspots": "hotspots",
    "MapView": "explore",
    "Town": "towns",
    "check_town": "checks",
    "create_town": "towns",
    "explore": "explore",
    "export_held": "held",
    "export_hotspots": "hotspots",
    "export_table": "exports",
    "find_hotspots": "hotspots",
    "held_rows": "held",
    "import_layer": "import_layers",
    "import_reports": "import_reports",
    "index_reports": "explore",
    "load_reports": "explore",
    "make_demo": "make_demo",
    "open_town": "towns",
    "undo_import": "import_layers",
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
