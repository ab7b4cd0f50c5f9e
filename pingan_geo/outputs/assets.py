"""The browser files of the maps: which local file stands for which outside address.

Folium names its scripts and styles by addresses on the internet. Every such address is looked up here and
becomes a file of this package; one that is not listed is refused, so that no map can reach outside.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from pingan_geo.errors import AssetsMissingError, OutsideAddressError

#: Folder of all files that a browser may load; holds no data of any town.
ASSETS = Path(__file__).resolve().parents[1] / "assets"
#: Where the app serves :data:`ASSETS`.
PREFIX = "/assets/"

LEAFLET_JS = PREFIX + "vendor/leaflet/leaflet.js"
LEAFLET_CSS = PREFIX + "vendor/leaflet/leaflet.css"
H3_JS = PREFIX + "vendor/h3-js/h3-js.umd.js"
PROTOMAPS_JS = PREFIX + "vendor/protomaps-leaflet/protomaps-leaflet.js"
MAPS_JS = PREFIX + "pingan_maps.js"
MAPS_CSS = PREFIX + "pingan_maps.css"

_JSDELIVR: Final = "https://cdn.jsdelivr.net"
_AWESOME: Final = (
    "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers"
)
#: Outside address that folium names → local address, or ``None`` where nothing of it is needed.
#: Bootstrap, jQuery, Font Awesome, Glyphicons and the awesome markers belong to ``folium.Icon`` only;
#: :class:`pingan_geo.outputs.map_layers.PointLayer` draws shapes of its own.
OUTSIDE: Mapping[str, str | None] = {
    f"{_JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.js": LEAFLET_JS,
    f"{_JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.css": LEAFLET_CSS,
    "https://code.jquery.com/jquery-3.7.1.min.js": None,
    f"{_JSDELIVR}/npm/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js": None,
    f"{_JSDELIVR}/npm/bootstrap@5.2.2/dist/css/bootstrap.min.css": None,
    "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css": None,
    f"{_JSDELIVR}/npm/@fortawesome/fontawesome-free@6.2.0/css/all.min.css": None,
    _AWESOME + ".js": None,
    _AWESOME + ".css": None,
    f"{_JSDELIVR}/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css": None,
}

_CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+?)['\"]?\s*\)")


def local_address(address: str) -> str | None:
    """Return the local address that stands for an address named by folium.

    Parameters
    ----------
    address
        An outside address, or already a local one that starts with :data:`PREFIX`.

    Returns
    -------
    str or None
        Starts with :data:`PREFIX`; ``None`` when the file is not needed and may be left out.

    Raises
    ------
    OutsideAddressError
        If no local file is known for it.
    """
    plain = address.partition("?")[0]
    if plain.startswith(PREFIX):
        return plain
    if address in OUTSIDE:
        return OUTSIDE[address]
    raise OutsideAddressError(address=address)


def asset_file(address: str) -> Path:
    """Return the file behind a local address.

    Raises
    ------
    OutsideAddressError
        If the address leads out of :data:`ASSETS`.
    AssetsMissingError
        If the file is not there: the browser files have not been fetched.
    """
    local = local_address(address)
    file = (ASSETS / (local or "").removeprefix(PREFIX)).resolve()
    if local is None or not file.is_relative_to(ASSETS):
        raise OutsideAddressError(address=address)
    if not file.is_file():
        raise AssetsMissingError(file=file.relative_to(ASSETS).as_posix())
    return file


def asset_url(address: str, *, prefix: str = PREFIX) -> str | None:
    """Return what a page should load for an address named by folium, with the content's hash as version.

    Parameters
    ----------
    address
        Outside or local.
    prefix
        What stands for :data:`PREFIX` as seen from the page, e.g. ``../../assets/`` inside a component.

    Returns
    -------
    str or None
        ``None`` when the file is not needed.

    Raises
    ------
    OutsideAddressError, AssetsMissingError
        As :func:`asset_file`.
    """
    local = local_address(address)
    if local is None:
        return None
    return f"{prefix}{local.removeprefix(PREFIX)}?v={_version(asset_file(local))}"


def asset_urls(addresses: Iterable[str], *, prefix: str = PREFIX) -> list[str]:
    """Return :func:`asset_url` of each address, without those not needed, each once."""
    found = (asset_url(address, prefix=prefix) for address in addresses)
    return list(dict.fromkeys(url for url in found if url is not None))


def asset_text(address: str) -> str:
    """Return a script or style as text that may stand inside a page; pictures of a style go in with it.

    Raises
    ------
    OutsideAddressError, AssetsMissingError
        As :func:`asset_file`.
    """
    file = asset_file(address)
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".css":
        return _CSS_URL.sub(lambda found: f"url({_embedded(file, found[1])})", text)
    # "</script" inside a script would end the element that holds it.
    return text.replace("</script", "<\\/script")


def _embedded(style: Path, target: str) -> str:
    if target.startswith(("data:", "#")):
        return target
    picture = (style.parent / target).resolve()
    if not picture.is_relative_to(ASSETS):
        raise OutsideAddressError(address=target)
    if not picture.is_file():
        raise AssetsMissingError(file=target)
    kind = mimetypes.guess_type(picture.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode('ascii')}"


def _version(file: Path) -> str:
    seen = file.stat()
    return _hash_of(file, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=64)
def _hash_of(file: Path, modified: int, size: int) -> str:
    del modified, size  # part of the key: a file that was fetched anew is read anew
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
