"""A town's map: the base that every map starts from, and the whole map as one file."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import folium
from folium.elements import JSCSSMixin
from folium.map import Layer
from folium.template import Template

from pingan_geo.errors import OutsideAddressError
from pingan_geo.outputs.assets import LEAFLET_CSS, LEAFLET_JS, PROTOMAPS_JS, asset_text, local_address
from pingan_geo.outputs.map_layers import CanvasLayer, LineLayer, PolygonLayer, Say, script_json
from pingan_geo.outputs.tiles import TileSource

#: What an exported map may do: run the scripts inside it and show the pictures inside it, nothing else.
EXPORT_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
MIN_ZOOM, MAX_ZOOM = 6, 19


class TownMap(folium.Map):  # type: ignore[misc] # folium is untyped
    """A folium map that loads Leaflet from this package and nothing from outside."""

    default_js: ClassVar[list[tuple[str, str]]] = [("leaflet", LEAFLET_JS)]
    default_css: ClassVar[list[tuple[str, str]]] = [("leaflet_css", LEAFLET_CSS)]

    def __init__(self, centre: tuple[float, float], **options: Any) -> None:
        super().__init__(location=centre, tiles=None, zoom_control=False, control_scale=False, **options)
        self.origins: frozenset[str] = frozenset()


class MapSeat(CanvasLayer):
    """What every map has: panes, zoom buttons, scale, the notice, one tooltip, one answer to a click.

    It also makes the browser load the scripts of all layers when the map is first shown, since layers that
    come later by a feature group cannot.
    """

    maker = "pinganSeat"

    def __init__(self, *, bounds: tuple[float, float, float, float], notice: str, t: Say) -> None:
        west, south, east, north = bounds
        super().__init__(
            {
                "bounds": [[south, west], [north, east]],
                "notice": notice,
                "words": {"zoom_in": t("Zoom in"), "zoom_out": t("Zoom out")},
            },
            {},
        )


class BaseTilesLayer(JSCSSMixin, Layer):  # type: ignore[misc] # folium is untyped
    """Tiles under everything else: pictures, or a PMTiles file read by ranges."""

    default_js: ClassVar[list[tuple[str, str]]] = [("leaflet", LEAFLET_JS), ("protomaps", PROTOMAPS_JS)]
    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = {{ this.maker }}({{ this.options_text }});"
        "{% endmacro %}"
    )

    def __init__(self, source: TileSource, *, language: str = "zh") -> None:
        super().__init__(name="BaseTiles", overlay=True, control=False, show=True)
        self._name = "BaseTiles"
        self.source = source
        options: dict[str, Any] = {
            "attribution": html.escape(source.attribution),
            "minZoom": MIN_ZOOM,
            "maxZoom": MAX_ZOOM,
        }
        if source.kind == "pmtiles":
            self.maker = "protomapsL.leafletLayer"
            options |= {
                "url": source.url,
                "flavor": "white",
                "lang": language,
                "maxDataZoom": source.max_zoom,
            }
        else:
            self.maker = "L.pinganTiles"
            options |= {"url": source.url}
        self.options_text = script_json(options)


def town_map(
    *,
    bounds: tuple[float, float, float, float],
    t: Say,
    notice: str = "",
    area: Any = None,
    waters: Any = None,
    roads: Any = None,
    tiles: TileSource | None = None,
    language: str = "zh",
) -> TownMap:
    """Return the base map of a town: fresh and light, made anew for every page run.

    Parameters
    ----------
    bounds
        ``(west, south, east, north)`` shown at first, WGS-84 degrees.
    t
        Translator, for the titles of the buttons.
    notice
        Line at the lower left: that data are made up, the map approval number (审图号), or both.
    area, waters, roads
        GeoDataFrames in EPSG:4326 from the town's files, drawn under the layers; ``None`` or empty for none.
    tiles
        Base tiles that the town has set up.
    language
        Of names in PMTiles.
    """
    west, south, east, north = bounds
    base = TownMap(
        ((south + north) / 2, (west + east) / 2),
        zoom_start=12,
        min_zoom=MIN_ZOOM,
        max_zoom=MAX_ZOOM,
        zoom_snap=0.5,
    )
    MapSeat(bounds=bounds, notice=notice, t=t).add_to(base)
    if tiles is not None:
        base.origins = frozenset({tiles.origin} - {""})
        BaseTilesLayer(tiles, language=language).add_to(base)
    for layer in water_layers(waters):
        layer.add_to(base)
    if roads is not None and len(roads):
        LineLayer(roads).add_to(base)
    if area is not None and len(area):
        PolygonLayer(area, "area").add_to(base)
    return base


def water_layers(waters: Any) -> list[CanvasLayer]:
    """Return waters as layers: what has an area is filled, the rest are lines."""
    if waters is None or not len(waters):
        return []
    flat = waters.geometry.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    layers: list[CanvasLayer] = []
    if flat.any():
        layers.append(PolygonLayer(waters[flat], "waters"))
    if not flat.all():
        layers.append(LineLayer(waters[~flat], waters=True))
    return layers


def check_addresses(element: Any, origins: frozenset[str] = frozenset()) -> None:
    """Refuse a map, or a group of layers, that would load something from outside.

    Parameters
    ----------
    element
        A folium element with its children.
    origins
        Tile servers that the town's settings name.

    Raises
    ------
    OutsideAddressError
        If a script, a style, tiles or a picture lie elsewhere.
    """
    for one in _walk(element):
        for _, address in [*getattr(one, "default_js", []), *getattr(one, "default_css", [])]:
            local_address(address)
        source = getattr(one, "source", None)
        addresses = (
            [source.url]
            if isinstance(source, TileSource)
            else [getattr(one, "tiles", ""), getattr(one, "url", "")]
        )
        for address in addresses:
            parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
            if parts.netloc and f"{parts.scheme}://{parts.netloc}" not in origins:
                raise OutsideAddressError(address=address)


def _walk(element: Any) -> Iterator[Any]:
    yield element
    for child in list(element._children.values()):  # noqa: SLF001 - folium has no public name for it
        yield from _walk(child)


def standalone_html(
    base: TownMap, notice: str = "", *, title: str = "", legend: str = "", language: str = "zh"
) -> str:
    """Return a map as one HTML file that needs nothing else: opens from a disk, asks nobody for anything.

    Parameters
    ----------
    base
        From :func:`town_map`, with layers added to it; without base tiles.
    notice
        Line at the lower left, in addition to the one given to :func:`town_map`.
    title
        Of the page.
    legend
        From :func:`pingan_geo.outputs.map_layers.legend_html`, shown at the upper right.
    language
        ``zh`` or ``en``.

    Raises
    ------
    OutsideAddressError
        If the map needs something that cannot be put inside, such as tiles.
    AssetsMissingError
        If the browser files have not been fetched.
    """
    for one in _walk(base):
        if isinstance(one, BaseTilesLayer):
            raise OutsideAddressError(address=one.source.url)
    check_addresses(base)
    figure = base.get_root()
    figure.render()
    scripts: list[str] = []
    styles: list[str] = []
    rest: list[str] = []
    for part in figure.header._children.values():  # noqa: SLF001 - folium has no public name for it
        kind = type(part).__name__
        if kind in ("JavascriptLink", "CssLink"):
            local = local_address(part.url)
            if local is not None:
                (scripts if kind == "JavascriptLink" else styles).append(asset_text(local))
        else:
            rest.append(part.render())
    line = (
        '<p class="pingan-notice" style="position:fixed;left:0;bottom:0;z-index:900">'
        f"{html.escape(notice)}</p>"
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{EXPORT_POLICY}">',
            f"<title>{html.escape(title)}</title>",
            *(f"<style>{text}</style>" for text in dict.fromkeys(styles)),
            *(f"<script>{text}</script>" for text in dict.fromkeys(scripts)),
            *rest,
            "</head><body>",
            figure.html.render(),
            f'<div class="pingan-legend-box">{legend}</div>' if legend else "",
            line if notice else "",
            f"<script>{figure.script.render()}</script>",
            "</body></html>\n",
        ]
    )
