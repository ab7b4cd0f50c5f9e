"""What a town calls its places: the gazetteer that its own layers, lists and answers make up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pingan_geo.errors import PinganError
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.geocoding.offline import OfflineGeocoder
from pingan_geo.model.place import GAZETTEER, Geocoder
from pingan_geo.storage.records import read_features
from pingan_geo.storage.review import read_aliases
from pingan_geo.workflow.towns import Town

_ONLINE_CACHE = "geocoding-cache.jsonl"
#: Lists of named points that places are known by; an enterprise is known by its address too.
_LISTS = ("places", "posts", "stations", "enterprises")
#: Headings of further columns that hold other words for the place of a feature.
_OTHER_WORDS = ("地址", "详细地址", "别名", "俗称", "又名", "address", "alias", "aliases", "other_names")


def town_gazetteer(town: Town) -> pd.DataFrame:
    """Return every name that the town has a place for.

    Parameters
    ----------
    town
        The town.

    Returns
    -------
    pandas.DataFrame
        GAZETTEER: places, posts, stations, enterprises (with their addresses and other names), estates, and the answers that people
        gave before (source ``alias``). Roads and villages are shapes, see :func:`town_geocoder`.
    """
    tables = [*_named_points(town), *_estates(town), *_aliases(town)]
    tables = [table for table in tables if len(table)]
    if not tables:
        return GAZETTEER.empty()
    return GAZETTEER.check(pd.concat(tables, ignore_index=True))


def town_geocoder(town: Town) -> OfflineGeocoder:
    """Return what finds places of the town by words, without internet."""
    return OfflineGeocoder(gazetteer_of(town))


@dataclass(eq=False)
class ProposingGeocoder:
    """The town's own geocoder, and for what it leaves open the online one that the town's settings name.

    An import never asks online: no answer from there is accepted unasked, and a thousand questions would take
    a quarter of an hour. It serves people who choose.

    Parameters
    ----------
    geocoders
        In the order of trust.
    """

    geocoders: tuple[Geocoder, ...]
    name: str = "gazetteer"

    def locate(self, texts: Sequence[str]) -> Any:
        """Return LOCATED, one row per text in their order."""
        if len(self.geocoders) == 1:
            return self.geocoders[0].locate(texts)
        from pingan_geo.geocoding.chain import locate_in_turn

        return locate_in_turn(texts, self.geocoders)

    @property
    def problems(self) -> tuple[PinganError, ...]:
        """What went wrong online at the last call."""
        return tuple(problem for each in self.geocoders for problem in getattr(each, "problems", ()))


def proposing_geocoder(town: Town, *, today: date) -> ProposingGeocoder:
    """Return what proposes places to a person.

    Parameters
    ----------
    town
        The town.
    today
        The real day, by which questions asked online are counted.

    Raises
    ------
    OnlineKeyError
        If the online service needs a key and the settings have none.
    """
    own = town_geocoder(town)
    settings = town.settings
    if not settings.online.online:
        return ProposingGeocoder((own,))
    from pingan_geo.geocoding.online import OnlineGeocoder  # asks outside; loaded only where it is wanted

    kept = settings.folder / _ONLINE_CACHE
    online = OnlineGeocoder(settings.online, town.area.bounds, today=today, cache_file=kept)
    return ProposingGeocoder((own, online))


def gazetteer_of(town: Town) -> Gazetteer:
    """Return the town's gazetteer with its roads, villages and area, ready to be searched."""
    roads, villages = town.layer("roads"), town.layer("villages")
    area = town.area
    settings = town.settings
    return Gazetteer.of(
        town_gazetteer(town),
        roads=roads if len(roads) else None,
        area=None if area.is_empty else area,
        villages=villages if len(villages) else None,
        town_names=(*settings.within, *(name for name in (settings.name, settings.name_en) if name)),
        other_places=settings.neighbours,
    )


def locate_later(town: Town) -> Callable[[Sequence[str]], Any]:
    """Return a function that locates texts, and reads the gazetteer only when it is first asked."""
    known: list[OfflineGeocoder] = []

    def locate(texts: Sequence[str]) -> Any:
        if not known:
            known.append(town_geocoder(town))
        return known[0].locate(texts)

    return locate


def _named_points(town: Town) -> Iterator[pd.DataFrame]:
    for kind in _LISTS:
        with town.store.read() as connection:
            features = read_features(connection, kind)
        features = features[features["lon"].notna()].reset_index(drop=True)
        if not len(features):
            continue
        yield _entries(
            kind, features["feature_id"], features["name"], features["kind"], features["lon"], features["lat"]
        ).assign(village_id=features["village_id"].array)
        yield _other_words(kind, features)


def _other_words(kind: str, features: Any) -> pd.DataFrame:
    """Return addresses and other names from the further columns of a list."""
    words = [
        (place, word)
        for place, text in enumerate(features["attributes"])
        for word in _words_in(text)
        if word != features["name"].iloc[place]
    ]
    chosen = features.iloc[[place for place, _ in words]].reset_index(drop=True)
    names = pd.Series([word for _, word in words], dtype="str")
    return _entries(kind, chosen["feature_id"], names, chosen["kind"], chosen["lon"], chosen["lat"]).assign(
        village_id=chosen["village_id"].array
    )


def _words_in(attributes: str) -> Iterator[str]:
    found = json.loads(attributes or "{}")
    for heading in _OTHER_WORDS:
        value = found.get(heading)
        for word in value if isinstance(value, list) else str(value or "").replace("、", ";").split(";"):
            if str(word).strip():
                yield str(word).strip()


def _estates(town: Town) -> Iterator[pd.DataFrame]:
    layer = town.layer("estates")
    if not len(layer):
        return
    shapes = layer.geometry.to_numpy()
    inside = shapely.point_on_surface(shapes)
    bounds = shapely.bounds(shapes)
    lon, lat = shapely.get_x(inside), shapely.get_y(inside)
    north = (bounds[:, 3] - bounds[:, 1]) * 110_574.0
    east = (bounds[:, 2] - bounds[:, 0]) * 111_320.0 * np.cos(np.radians(lat))
    names = layer["name"].where(layer["name"] != "", layer["code"])
    table = _entries("estates", layer["code"], names, "estate", lon, lat)
    yield table.assign(village_id=layer["parent"].array, radius_m=np.round(np.hypot(north, east) / 2))


def _aliases(town: Town) -> Iterator[pd.DataFrame]:
    with town.store.read() as connection:
        aliases = read_aliases(connection, "place")
    aliases = aliases[aliases["lon"].notna()].reset_index(drop=True)
    if len(aliases):
        table = _entries(
            "alias",
            aliases["spelling"],
            aliases["spelling"],
            aliases["level"],
            aliases["lon"],
            aliases["lat"],
        )
        yield table.assign(radius_m=aliases["radius_m"].array)


def _entries(source: str, ids: Any, names: Any, kinds: Any, lon: Any, lat: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "entry_id": pd.array(ids, dtype="str"),
            "name": pd.array(names, dtype="str"),
            "kind": kinds if isinstance(kinds, str) else pd.array(kinds, dtype="str"),
            "lon": np.asarray(lon, dtype="float64"),
            "lat": np.asarray(lat, dtype="float64"),
            "village_id": "",
            "source": source,
            "radius_m": np.nan,
        }
    )
    return table.astype({"kind": "str", "village_id": "str", "source": "str"})
