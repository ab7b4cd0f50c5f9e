"""The app as one ASGI program: pages, routes, rules; and how it is started."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.settings import LAYER_FILES, TOWN_VARIABLE, Settings, read_settings, town_folder
from pingan_geo.ui.routes import app_middleware, app_routes

#: What the pages are made of.
SCRIPT: Final = Path(__file__).parent / "entry" / "run.py"
#: How Streamlit runs, wherever the package is installed; ``.streamlit/config.toml`` says the same.
OPTIONS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "server.headless": True,
        "server.maxUploadSize": 200,
        "server.fileWatcherType": "none",
        "theme.base": "light",
        "theme.primaryColor": "#0b5394",
        "theme.font": (
            "'Noto Sans CJK SC', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', "
            "'Hiragino Sans GB', system-ui, sans-serif"
        ),
    }
)


def parts(folder: Path | None = None) -> dict[str, Any]:
    """Return the routes, middleware and start of the app, for ``st.App(SCRIPT, **parts())``.

    Parameters
    ----------
    folder
        Of the town; by default :func:`pingan_geo.settings.town_folder`. A town that cannot be read serves no tiles; its pages
        say what is wrong.
    """
    settings = _settings_or_none(folder or town_folder())
    return {"routes": app_routes(settings), "middleware": app_middleware(settings), "lifespan": _warmed}


def create_app(folder: Path | None = None) -> st.App:
    """Return the app of one town."""
    return st.App(SCRIPT, **parts(folder))


def serve(folder: Path, port: int = 8501, *, address: str = "localhost") -> None:
    """Run the app of a town until it is stopped.

    Parameters
    ----------
    folder
        Of the town.
    port
        To listen on.
    address
        ``localhost`` for this machine only; ``0.0.0.0`` for the network.

    Raises
    ------
    TownNotFoundError, SettingsError
        If the town cannot be read.
    """
    read_settings(folder)
    os.environ[TOWN_VARIABLE] = str(folder.resolve())
    create_app(folder).run(config={**OPTIONS, "server.port": port, "server.address": address})


@asynccontextmanager
async def _warmed(app: st.App) -> AsyncIterator[None]:
    """Load what the first page needs while the first visitor's browser is still fetching its own files."""
    del app
    threading.Thread(target=_load_first_page, daemon=True).start()
    yield


def _load_first_page() -> None:
    # Nothing of the pages themselves: Streamlit registers a component only when a visitor's run imports it.
    for module in ("pingan_geo.outputs.maps", "folium.plugins", "streamlit.emojis"):
        importlib.import_module(module)
    cache = importlib.import_module("pingan_geo.ui.cache")
    with suppress(PinganError):  # the pages say what is wrong
        town = cache.current_town()
        cache.load_index(town)
        for layer in LAYER_FILES:
            town.layer(layer)


def _settings_or_none(folder: Path) -> Settings | None:
    try:
        return read_settings(folder)
    except PinganError:
        return None
