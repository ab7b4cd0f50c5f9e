"""The map on a page: folium through streamlit-folium, nothing loaded from outside.

The base map is made anew for each run but keeps its script, so the browser keeps the map mounted with its
zoom and place; only the group of layers is exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import folium
import streamlit_folium

from pingan_geo.outputs.assets import asset_urls
from pingan_geo.outputs.maps import TownMap, check_addresses

#: From the page of the component to where :mod:`pingan_geo.ui.routes` serves the files; relative, so that
#: the app may stand behind a proxy under a path.
_ASSETS_SEEN_FROM_COMPONENT = "../../assets/"
_stock_component = streamlit_folium._component_func  # noqa: SLF001 - the one place where its links can be changed


def _local_component(**arguments: Any) -> Any:
    """Call the browser part of streamlit-folium with local files; an unknown address is refused."""
    for links in ("js_links", "css_links"):
        arguments[links] = asset_urls(arguments[links], prefix=_ASSETS_SEEN_FROM_COMPONENT)
    return _stock_component(**arguments)


streamlit_folium._component_func = _local_component  # noqa: SLF001 - fail closed for every map of the app


def show_map(
    base_map: TownMap, layers: Sequence[Any], *, key: str, height: int = 600
) -> dict[str, Any] | None:
    """Show a map and return what was clicked last.

    Parameters
    ----------
    base_map
        Fresh from :func:`pingan_geo.outputs.maps.town_map`; the same base gives the same script, so zoom and
        place survive. A base that changes (another area, other tiles) shows the map anew.
    layers
        Of :mod:`pingan_geo.outputs.map_layers`, in drawing order; exchanged at every run.
    key
        Of the component on this page.
    height
        In pixels.

    Returns
    -------
    dict or None
        ``lat`` and ``lon`` of the click, ``click`` (a number that grows with each click), and one of ``cell``
        (hexadecimal), ``polygon`` (code) or ``point`` (code), the last two with ``layer``; none of them when
        the place is empty. ``None`` before the first click. Panning and zooming do not run the page again.

    Raises
    ------
    OutsideAddressError
        If the map would load something from outside.
    """
    group = folium.FeatureGroup(name="layers", control=False)
    for layer in layers:
        layer.add_to(group)
    check_addresses(base_map, base_map.origins)
    check_addresses(group, base_map.origins)
    answer = streamlit_folium.st_folium(
        base_map,
        key=key,
        height=height,
        use_container_width=True,
        returned_objects=["last_active_drawing"],
        feature_group_to_add=group,
    )
    clicked = (answer or {}).get("last_active_drawing")
    return dict(clicked) if isinstance(clicked, dict) else None
