"""What all visitors share: the open town, the index of its reports, answers worked out before.

Everything is keyed by the town's folder, its data version and the times of its layer files, so that a change
made anywhere, by the command line too, is seen at the next click. Shared values are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.settings import LAYER_FILES, Settings, town_folder
from pingan_geo.ui.state import Choices, fixed_choices
from pingan_geo.workflow.explore import (
    MapView,
    PlaceView,
    ReportIndex,
    cell_table,
    explore,
    index_reports,
    load_reports,
    look_into,
    see_density,
)
from pingan_geo.workflow.inventory import (
    LayerCheck,
    check_layers,
    load_batches,
    load_features,
    read_data_version,
)
from pingan_geo.workflow.said import town_notice
from pingan_geo.workflow.towns import Town, open_town

if TYPE_CHECKING:  # the first page comes sooner without what only others need
    import numpy as np
    from numpy.typing import NDArray

    from pingan_geo.model.place import Geocoder
    from pingan_geo.stats.density import DensitySurface
    from pingan_geo.workflow.alerts import Alerts
    from pingan_geo.workflow.hotspots import Hotspots
    from pingan_geo.workflow.review import Queue
    from pingan_geo.workflow.seen import Seen

_ANSWERS = 64
_Takes = ParamSpec("_Takes")
_Gives = TypeVar("_Gives")
_Key = TypeVar("_Key")


@dataclass(frozen=True, eq=False)
class ReviewDesk:
    """What the review works with: the town as it is now, and what finds places in it.

    Parameters
    ----------
    finder
        Finds places for words; kept while no import changes what the town's places are called.
    key
        Changes with the names of places, not with answers.
    """

    town: Town
    finder: Geocoder
    key: str

    @property
    def locate(self) -> Callable[[Sequence[str]], Any]:
        """What answers take, to read rows again."""
        return self.finder.locate

    def batches(self) -> dict[int, str]:
        """Return the imports that questions may come from, the newest first, as people know them."""
        there = load_batches(self.town)
        there = there[there["undone_at"].isna() & ((there["kind"] == "reports") | (there["held"] > 0))]
        return {int(row.batch_id): f"{row.batch_id} · {row.file_name}" for row in there.itertuples()}

    def queue(self, kind: str = "", batch: int = 0, limit: int = 50) -> Queue:
        """Return what waits for a person, worked out once for each state of the town."""
        version = read_data_version(self.town)
        times = _changed(self.town.settings.folder / "town.toml")
        return _queue(f"{self.key}|{version}|{times}", kind, batch, limit, self)


@dataclass(frozen=True, eq=False)
class Visit:
    """What a page needs: the town, all its reports, the visitor's translator.

    Parameters
    ----------
    key
        Changes whenever anything of the town's data does.
    version
        Of the town's database.
    today
        The day that periods end with.
    """

    town: Town
    index: ReportIndex
    key: str
    version: int
    today: date
    t: Translator

    @property
    def settings(self) -> Settings:
        """The town's settings."""
        settings: Settings = self.town.settings
        return settings

    @property
    def name(self) -> str:
        """The town's name in the visitor's language."""
        return self.t.pick(self.settings.name, self.settings.name_en)

    @property
    def notice(self) -> str:
        """What must stand on everything drawn or handed out; empty when nothing must."""
        return town_notice(self.settings, self.t)

    def resolution(self, detail: str) -> int:
        """Return the H3 resolution of a level of detail."""
        settings = self.settings
        return settings.patrol_resolution if detail == "patrol" else settings.leader_resolution

    def choices(self) -> Choices:
        """Return what the filters offer, named in the visitor's language."""
        return _choices(self.key, self.t.language, self)

    def review_desk(self) -> ReviewDesk:
        """Return what the review works with."""
        batches = load_batches(self.town)
        layers = [_changed(self.town.settings.layer_path(layer)) for layer in LAYER_FILES]
        # An answer brings no new names that other questions need, and finding names anew takes a second.
        key = f"{self.town.folder}|{layers}|{len(batches)}|{int(batches['undone_at'].notna().sum())}"
        return ReviewDesk(self.town, _finder(key, self.town), key)

    def waiting(self) -> int:
        """Return how many questions wait for a person, counted once."""
        return _waiting(self.key, self.town)

    def polygons(self, layer: str) -> Any:
        """Return a polygon layer of the town; empty when it has none."""
        return self.town.layer(layer)

    def features(self, kind: str) -> Any:
        """Return the FEATURES table of a kind."""
        return _features(self.key, kind, self.town)

    def layer_checks(self) -> tuple[LayerCheck, ...]:
        """Return all layers and what was found in them, worked out once."""
        return _layer_checks(self.key, self.town)

    def view(self, asked: ReportFilter, resolution: int) -> MapView:
        """Return the answer to a question, worked out once."""
        return _view(self.key, asked, resolution, self)

    def place(self, view: MapView, kind: str, code: str) -> PlaceView:
        """Return what lies in one cell or polygon."""
        return look_into(self.index, view, kind, code)

    def cell_table(self, view: MapView) -> pd.DataFrame:
        """Return the list of the cells of a view, worked out once."""
        return _cell_table(self.key, view.asked, view.resolution, self, view)

    def density(self, view: MapView) -> DensitySurface:
        """Return the density surface of a question, worked out once."""
        return _density(self.key, view.asked, view.resolution, self, view)

    def seen(self, asked: ReportFilter, resolution: int) -> Seen:
        """Return where people look, worked out once."""
        return _seen(self.key, asked, resolution, self.t.language, self)

    def alerts(self, asked: ReportFilter, resolution: int) -> Alerts:
        """Return the cells to look at again after a report, worked out once."""
        return _alerts(self.key, asked, resolution, self.t.language, self)

    def reporters(self) -> NDArray[np.object_]:
        """Return who sent each report of the index, read once."""
        return _reporters(self.key, self)

    def hotspots(
        self, asked: ReportFilter, on_progress: Callable[[int, int], None] | None = None, **options: Any
    ) -> Hotspots:
        """Return the hotspot list, worked out once; ``on_progress`` as in ``find_hotspots``."""
        options["language"] = self.t.language
        wanted = tuple(sorted(options.items()))
        if on_progress is None:
            return _hotspots(self.key, asked, wanted, self)
        return work_out_once(
            *(_slow_hotspots(), (self.key, asked, wanted), _ANSWERS),
            lambda: _find_hotspots(self, asked, wanted, on_progress),
        )


def shared(entries: int) -> Callable[[Callable[_Takes, _Gives]], Callable[_Takes, _Gives]]:
    """Keep the last ``entries`` answers of a function for all visitors, by its arguments without ``_``."""
    kept = st.cache_resource(show_spinner=False, max_entries=entries)
    return cast("Callable[[Callable[_Takes, _Gives]], Callable[_Takes, _Gives]]", kept)


def work_out_once(kept: dict[_Key, _Gives], key: _Key, most: int, work: Callable[[], _Gives]) -> _Gives:
    """Return an answer that moves a bar while it is worked out, once for all visitors; the oldest go first.

    Streamlit's own cache would replay the bar, and cannot.
    """
    if key in kept:
        return kept[key]
    found = work()
    while len(kept) >= most:
        kept.pop(next(iter(kept)), None)
    kept[key] = found
    return found


@shared(4)
def open_once(folder: str, settings_time: int) -> Town:  # noqa: ARG001 - opened anew when town.toml changes
    """Return the open town of a folder."""
    return open_town(Path(folder))


def current_town() -> Town:
    """Return the town that is shown.

    Raises
    ------
    PinganError
        If it cannot be opened.
    """
    folder = town_folder().resolve()
    file = folder / "town.toml"
    return open_once(str(folder), file.stat().st_mtime_ns if file.is_file() else 0)


def begin_visit(town: Town, t: Translator) -> Visit:
    """Return what the pages of one run share."""
    version = read_data_version(town)
    times = [_changed(town.settings.layer_path(layer)) for layer in LAYER_FILES]
    key = f"{town.folder}|{version}|{times}|{_changed(town.settings.folder / 'town.toml')}"
    index = load_index(town, version)
    return Visit(town, index, key, version, _today(town, index), t)


def load_index(town: Town, version: int | None = None) -> ReportIndex:
    """Return the index of all reports of a data version, by default the one of now; read once."""
    return _index(f"{town.folder}|{read_data_version(town) if version is None else version}", town)


def town_now(visit: Visit) -> datetime:
    """Return the moment that an import is made, on the town's clock."""
    return visit.town.now(datetime.now(UTC))


def _today(town: Town, index: ReportIndex) -> date:
    """Return the day of the newest report, so that no period ends with days that nobody wrote down yet."""
    newest = index.newest
    return newest.date() if newest else town.now(datetime.now(UTC)).date()


def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns if file.is_file() else 0


@shared(2)
def _index(key: str, _town: Town) -> ReportIndex:  # noqa: ARG001 - the key is what is cached by
    return index_reports(load_reports(_town), _town.settings.board_of)


@shared(2)
def _finder(key: str, _town: Town) -> Geocoder:  # noqa: ARG001
    from pingan_geo.workflow.gazetteer import town_geocoder

    return town_geocoder(_town)


@shared(16)
def _queue(key: str, kind: str, batch: int, limit: int, _desk: ReviewDesk) -> Queue:  # noqa: ARG001
    from pingan_geo.workflow.review import review_queue

    kinds = (kind,) if kind else ()
    return review_queue(_desk.town, kinds=kinds, limit=limit, geocoder=_desk.finder, batch=batch or None)


@shared(4)
def _waiting(key: str, _town: Town) -> int:  # noqa: ARG001
    from pingan_geo.workflow.review import review_queue

    return review_queue(_town, limit=0).total


@shared(_ANSWERS)
def _view(key: str, asked: ReportFilter, resolution: int, _visit: Visit) -> MapView:  # noqa: ARG001
    return explore(
        _visit.index,
        asked,
        resolution=resolution,
        grids=_visit.polygons("grids")["code"].tolist(),
        villages=_visit.polygons("villages")["code"].tolist(),
    )


@shared(_ANSWERS)
def _cell_table(
    key: str,  # noqa: ARG001
    asked: ReportFilter,  # noqa: ARG001
    resolution: int,  # noqa: ARG001
    _visit: Visit,
    _view: MapView,
) -> pd.DataFrame:
    return cell_table(_visit.index, _view)


@shared(_ANSWERS)
def _density(key: str, asked: ReportFilter, resolution: int, _visit: Visit, _view: MapView) -> DensitySurface:  # noqa: ARG001
    return see_density(_visit.index, _view, _visit.town.area.bounds)


@shared(16)
def _seen(key: str, asked: ReportFilter, resolution: int, language: str, _visit: Visit) -> Seen:  # noqa: ARG001
    from pingan_geo.workflow.seen import see_effort

    return see_effort(_visit.town, _visit.index, asked, resolution=resolution, language=language)


@shared(_ANSWERS)
def _alerts(key: str, asked: ReportFilter, resolution: int, language: str, _visit: Visit) -> Alerts:  # noqa: ARG001
    from pingan_geo.workflow.alerts import near_repeat_alerts

    return near_repeat_alerts(_visit.town, _visit.index, asked, resolution=resolution, language=language)


@shared(2)
def _reporters(key: str, _visit: Visit) -> NDArray[np.object_]:  # noqa: ARG001
    from pingan_geo.workflow.analysis import load_reporters

    return load_reporters(_visit.town, _visit.index)


@shared(_ANSWERS)
def _hotspots(
    key: str,  # noqa: ARG001
    asked: ReportFilter,
    options: tuple[tuple[str, Any], ...],
    _visit: Visit,
) -> Hotspots:
    return _find_hotspots(_visit, asked, options, None)


@shared(1)
def _slow_hotspots() -> dict[tuple[Any, ...], Hotspots]:
    return {}


def _find_hotspots(
    visit: Visit,
    asked: ReportFilter,
    options: tuple[tuple[str, Any], ...],
    on_progress: Callable[[int, int], None] | None,
) -> Hotspots:
    from pingan_geo.workflow.hotspots import find_hotspots

    known = {"reports": visit.index.reports, "reporters": visit.reporters(), "index": visit.index}
    return find_hotspots(visit.town, asked, on_progress=on_progress, **known, **dict(options))


@shared(32)
def _features(key: str, kind: str, _town: Town) -> Any:  # noqa: ARG001
    return load_features(_town, kind)


@shared(4)
def _layer_checks(key: str, _town: Town) -> tuple[LayerCheck, ...]:  # noqa: ARG001
    return check_layers(_town)


@shared(8)
def _choices(key: str, language: str, _visit: Visit) -> Choices:  # noqa: ARG001
    t, settings, index = _visit.t, _visit.settings, _visit.index
    listed = {one.code: t.pick(one.name, one.name_en) for one in settings.categories}
    unlisted = {code: code for code in index.category.names if code and code not in listed}
    polygons = {
        name: dict(zip(layer["code"], layer["name"].where(layer["name"] != "", layer["code"]), strict=True))
        for name, layer in (("villages", _visit.polygons("villages")), ("grids", _visit.polygons("grids")))
    }
    return Choices(
        {
            **fixed_choices(),
            **polygons,
            "categories": {**listed, **unlisted},
            "boards": {one.code: t.pick(one.name, one.name_en) for one in settings.boards},
            "sources": {source: source or t("no name") for source in index.source.names},
        }
    )
