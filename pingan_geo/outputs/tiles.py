"""Base tiles of a town, named apart from the maps so that the server starts without the map library."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class TileSource:
    """Base tiles that the town has set up; none is the default.

    Parameters
    ----------
    kind
        ``xyz`` or ``pmtiles``.
    url
        As the page reaches it: a local path, or the address of a server of the intranet named in the
        town's settings. WGS-84 based tiles in EPSG:3857 only.
    attribution
        Shown as text.
    max_zoom
        Finest zoom that a PMTiles file holds; closer than that its tiles are enlarged.
    """

    kind: str
    url: str
    attribution: str = ""
    max_zoom: int = 15

    @property
    def origin(self) -> str:
        """Scheme and host of a tile server, ``""`` for a local path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
