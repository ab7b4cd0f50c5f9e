"""Refuse to build a wheel that lacks the browser files: its maps would be blank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Stop the build of a real wheel when ``make assets`` has not run."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check before anything is packed; an editable install reads the folder itself."""
        del build_data
        vendor = Path(self.root) / "pingan_geo" / "assets" / "vendor"
        if version != "editable" and not any(vendor.glob("**/leaflet.js")):
            raise RuntimeError("The map's browser files are missing: run `make assets` first.")
