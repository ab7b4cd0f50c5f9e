"""What the app answers beside its pages: browser files, base tiles, health, and rules on every answer."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import streamlit
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pingan_geo.errors import PinganError, SettingsError
from pingan_geo.outputs.assets import ASSETS
from pingan_geo.outputs.tiles import TileSource
from pingan_geo.settings import TOWN_FILE, BaseTiles, Settings
from pingan_geo.ui.first_page import FirstPage

HEALTH: Final = "/healthz"
_TILES: Final = "/tiles/"
#: Not ``/media/``, where Streamlit keeps what it offers for download and lets nobody else answer.
PHOTOS: Final = "photos/"
_VECTOR_TILES: Final = 1
_YEAR_S: Final = 31_536_000
_COMPONENTS: Final = "/component/"
#: Streamlit answers programs there; nobody needs it here.
_REFUSED: Final = re.compile(r"/_stcore/+agent(/|$)", re.IGNORECASE)
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def tile_source(settings: Settings) -> TileSource | None:
    """Return the base tiles of a town as its pages reach them, ``None`` when it has none.

    A file or folder of the town is served by :func:`tile_routes`; a server's address stays as it is.

    Raises
    ------
    SettingsError
        If the town names a PMTiles file that is not there or holds no vector tiles.
    """
    tiles = settings.tiles
    if not tiles.kind or not tiles.url:
        return None
    if "://" in tiles.url:
        return TileSource(tiles.kind, tiles.url, tiles.attribution)
    # Relative to the page of the map component, so that the app may stand behind a proxy under a path.
    if tiles.kind == "xyz":
        return TileSource("xyz", f"../..{_TILES}{{z}}/{{x}}/{{y}}", tiles.attribution)
    finest = _finest_zoom(settings)
    return TileSource("pmtiles", f"../..{_TILES}base.pmtiles", tiles.attribution, max_zoom=finest)


def _finest_zoom(settings: Settings) -> int:
    """Return the finest zoom of the town's PMTiles file, from its header of 127 bytes (PMTiles 3)."""
    file = _inside(settings.folder.resolve(), settings.tiles.url)
    header = b""
    if file is not None:
        with file.open("rb") as opened:
            header = opened.read(127)
    if len(header) < 127 or not header.startswith(b"PMTiles\x03") or header[99] != _VECTOR_TILES:
        raise SettingsError(
            file=TOWN_FILE,
            key="tiles.url",
            value=settings.tiles.url,
            expected="a PMTiles file of vector tiles inside the town's folder",
        )
    return header[101]


def app_routes(settings: Settings | None) -> list[BaseRoute]:
    """Return the routes beside the pages; ``None`` for settings serves no tiles and no photos."""
    routes: list[BaseRoute] = [
        Route(HEALTH, _healthy, methods=["GET"]),
        Mount("/assets", app=_Assets(directory=ASSETS), name="assets"),
    ]
    if settings is not None:
        routes.append(photo_route(settings.folder))
        routes.extend(tile_routes(settings.folder, settings.tiles))
    return routes


async def _healthy(request: Request) -> Response:
    del request
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


class _Assets(StaticFiles):
    """Browser files: kept for a year when asked for by version, asked again otherwise."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file of the package; nothing else is there."""
        response = await super().get_response(path, scope)
        versioned = b"v=" in scope.get("query_string", b"")
        response.headers["Cache-Control"] = (
            f"public, max-age={_YEAR_S}, immutable" if versioned else "no-cache"
        )
        return response


def photo_route(folder: Path) -> Route:
    """Return the route of a town's photos, ``/photos/<sha256>.jpg``.

    Only a file whose name is the hash of a picture and that the database names is there; all else is not
    found, and nothing is listed. Whoever reaches the app may see the photos that it shows: until people sign
    in, the app listens on this machine only, unless ``--address`` says otherwise. Asking for permission here
    comes with signing in.

    Parameters
    ----------
    folder
        Of the town.
    """

    def photo(request: Request) -> Response:  # in a thread of its own: it asks the database
        from pingan_geo.ui.cache import open_once
        from pingan_geo.workflow.photos import photo_path

        place = folder.resolve()
        try:
            town = open_once(str(place), (place / TOWN_FILE).stat().st_mtime_ns)
            file = photo_path(town, str(request.path_params["name"]))
        except (PinganError, OSError):
            file = None
        if file is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return FileResponse(file, media_type="image/jpeg", headers=headers)

    return Route(f"/{PHOTOS}{{name:path}}", photo, methods=["GET"])


def tile_routes(folder: Path, tiles: BaseTiles) -> list[BaseRoute]:
    """Return the route of a town's own tiles: one PMTiles file by ranges, or a folder ``z/x/y.png``.

    Parameters
    ----------
    folder
        Of the town.
    tiles
        ``url`` names a file or folder inside it, e.g. ``base.pmtiles`` or ``tiles/{z}/{x}/{y}.png``. One that
        leads out of the folder is not served.
    """
    if not tiles.kind or not tiles.url or "://" in tiles.url:
        return []
    root = folder.resolve()

    async def pmtiles(request: Request) -> Response:
        del request
        return _tile(root, tiles.url, "application/octet-stream")

    async def picture(request: Request) -> Response:
        # The route takes whole numbers only, so no part of a path comes from outside.
        place = {name: str(request.path_params[name]) for name in ("z", "x", "y")}
        path = tiles.url
        for name, number in place.items():
            path = path.replace("{" + name + "}", number)
        return _tile(root, path, None)

    if tiles.kind == "pmtiles":
        return [Route(f"{_TILES}base.pmtiles", pmtiles, methods=["GET"])]
    return [Route(f"{_TILES}{{z:int}}/{{x:int}}/{{y:int}}", picture, methods=["GET"])]


def _tile(root: Path, path: str, media_type: str | None) -> Response:
    file = _inside(root, path)
    if file is None:
        raise HTTPException(404)
    return FileResponse(file, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def _inside(root: Path, path: str) -> Path | None:
    """Return a file of the folder; ``None`` when there is none, or when it leads out, also by a link."""
    file = (root / path).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None


# -- rules on every answer ---------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _page_script_hashes() -> str:
    """Return the hashes of the scripts that stand inside Streamlit's own page."""
    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return " ".join(f"'sha256-{value}'" for value in hashes)


def content_policy(path: str, origins: Sequence[str] = ()) -> str:
    """Return the Content-Security-Policy of an answer.

    Parameters
    ----------
    path
        Of the request. Streamlit's charts and the map component build functions from text; only the map
        component runs scripts that stand inside its page.
    origins
        Tile servers that the town's settings name.
    """
    inline = "'unsafe-inline'" if path.startswith(_COMPONENTS) else _page_script_hashes()
    servers = "".join(f" {origin}" for origin in origins)
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'unsafe-eval' blob: {inline}",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{servers}",
            "font-src 'self' data:",
            f"connect-src 'self' data: blob:{servers}",
            "media-src 'self' blob: data:",
            "worker-src 'self' blob:",
            "frame-src 'self' blob: data:",
            "frame-ancestors 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        ]
    )


class Rules:
    """ASGI middleware: refuses what nobody needs and puts security headers on every answer.

    Parameters
    ----------
    app
        What it wraps.
    origins
        Tile servers that the town's settings name.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str] = ()) -> None:
        self.app = app
        self._origins = tuple(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope.get("path", "")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {
                    b"content-security-policy": content_policy(path, self._origins).encode("latin-1"),
                    b"x-content-type-options": b"nosniff",
                    b"x-frame-options": b"SAMEORIGIN",
                    b"referrer-policy": b"same-origin",
                    b"permissions-policy": b"camera=(), microphone=(), payment=(), usb=()",
                    b"cross-origin-opener-policy": b"same-origin",
                }
                kept = [
                    (name, value) for name, value in message.get("headers", []) if name.lower() not in own
                ]
                message = {**message, "headers": [*kept, *own.items()]}
            await send(message)

        if _REFUSED.search(path):
            await PlainTextResponse("Not found", status_code=404)(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)


def app_middleware(settings: Settings | None) -> list[Middleware]:
    """Return the middleware of the app."""
    server = urlsplit(settings.tiles.url if settings is not None and settings.tiles.kind else "")
    origins = [f"{server.scheme}://{server.netloc}"] if server.netloc else []
    return [Middleware(Rules, origins=origins), Middleware(FirstPage)]
