"""Every error and warning that the package raises on purpose.

Each has a ``code`` (stable, for scripts), named ``values`` and one English sentence ``message`` whose
``{names}`` the values fill. The English sentence is also the msgid under which :mod:`pingan_geo.i18n`
holds the Chinese one, so a page or the command line can say it in the reader's language:
what is wrong, where, what to do.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pingan_geo.persons import mask_name

#: Values that are names of files, folders and sheets, which may hold a person's number.
_NAMES = frozenset(("file", "folder", "photo", "sheets", "known", "layers"))


class PinganError(Exception):
    """Base of all errors raised on purpose; ``str()`` gives the English sentence.

    Parameters
    ----------
    **values
        What the sentence needs; kept in ``self.values`` for translation. In names of files, folders and sheets
        telephone and identity numbers are masked.
    """

    code: ClassVar[str] = "error"
    message: ClassVar[str] = "Something could not be done."

    def __init__(self, **values: Any) -> None:
        values = {key: _masked(each) if key in _NAMES else each for key, each in values.items()}
        self.values = values
        said = {
            key: ", ".join(map(str, each)) if isinstance(each, list) else each for key, each in values.items()
        }
        super().__init__(self.message.format(**said))


def _masked(name: Any) -> Any:
    if isinstance(name, list):
        return [_masked(each) for each in name]
    masked = mask_name(name)
    return name if masked == str(name) else masked


class Cancelled(PinganError):  # noqa: N818 - the person cancelled; it is not a fault
    """The person cancelled a long piece of work; nothing was written."""

    code = "cancelled"
    message = "Cancelled. Nothing was written."


# -- a town's folder ---------------------------------------------------------------------------------


class TownNotFoundError(PinganError, FileNotFoundError):
    """The folder holds no ``town.toml``."""

    code = "town_not_found"
    message = "There is no town in {folder}. Make one with `pingan init {folder} --area FILE` or `pingan demo {folder}`."


class TownExistsError(PinganError, FileExistsError):
    """The folder to be made into a town is already one, or is not empty."""

    code = "town_exists"
    message = "{folder} already exists and is not empty. Choose another folder, or delete it first."


class SettingsError(PinganError, ValueError):
    """``town.toml`` has a key with a value that cannot be used."""

    code = "settings"
    message = "In {file}, {key} is {value}, but it must be {expected}."


class CalendarFileError(PinganError, ValueError):
    """A row of a town's ``calendar.csv`` cannot be used."""

    code = "calendar_file"
    message = "In {file}, row {row}, {column} is {value}, but it must be {expected}."


class WorkingHoursError(PinganError, ValueError):
    """Stated working hours cannot be used."""

    code = "working_hours"
    message = (
        "The working hours {value} cannot be used. Write spans in order, such as 08:30-11:30 and 13:30-17:30."
    )


class UnknownCountryError(PinganError, LookupError):
    """No public holidays are known for a country."""

    code = "unknown_country"
    message = "No public holidays are known for {country}. Write a code of two letters such as CN, or leave it empty: then weekends alone are days off."


class NoWorkdayError(PinganError, ValueError):
    """A deadline cannot be reached by working days."""

    code = "no_workday"
    message = "There is no such working day within ten years of {day}. Look at the town's calendar and working hours."


class DatabaseTooNewError(PinganError, RuntimeError):
    """The database was written by a newer version of the software."""

    code = "database_too_new"
    message = "The database of this town was written by a newer version ({found}). Install that version or a later one."


class DatabaseDamagedError(PinganError, RuntimeError):
    """The database file cannot be opened."""

    code = "database_damaged"
    message = (
        "{file} is not a database that can be opened ({detail}). Put back the newest file from {backups}."
    )


class DatabaseBusyError(PinganError, TimeoutError):
    """Somebody else is writing to the town and did not finish in time."""

    code = "database_busy"
    message = "Another import is writing to {file}. Try again when it has finished; nothing was changed."


class DatabaseWriteError(PinganError, OSError):
    """The database cannot be written: a read-only place, or a full disk."""

    code = "database_write"
    message = "{file} cannot be written ({detail}). Check the rights and the free space; nothing was changed."


# -- input files -------------------------------------------------------------------------------------


class UnreadableFileError(PinganError, ValueError):
    """The file is not of a kind that can be read."""

    code = "unreadable_file"
    message = "{file} cannot be read: it is {found}. Accepted are {accepted}."


class FileMissingError(PinganError, FileNotFoundError):
    """There is no such file."""

    code = "file_missing"
    message = "There is no file {file}."


class TooLargeInsideError(PinganError, ValueError):
    """An archive would unpack to far more than it seems."""

    code = "too_large_inside"
    message = (
        "{file} would unpack to {size} in {entries} parts; the limit is {limit}. "
        "Unpack it yourself and import what is needed."
    )


class LayoutMismatchError(PinganError, ValueError):
    """A file lacks headings that its layout names."""

    code = "layout_mismatch"
    message = (
        "{file} does not fit the layout {layout}: it has no column {headings}. "
        "Choose another layout, or confirm this one anew."
    )


class MixedHeldRowsError(PinganError, ValueError):
    """A file brings back rows that were held by imports that were read differently."""

    code = "mixed_held_rows"
    message = (
        "{file} brings back rows of several imports that were read differently ({detail}). "
        "Write the held rows of one import at a time: pingan held --batch N --export FILE."
    )


class SheetMissingError(PinganError, LookupError):
    """A workbook lacks a sheet that was asked for."""

    code = "sheet_missing"
    message = "{file} has no sheet {sheets}. Its sheets are: {known}."


class LayoutFileError(PinganError, ValueError):
    """A saved layout cannot be read."""

    code = "layout_file"
    message = "The saved layout cannot be read: {detail}. Confirm the layout of the ledger anew."


class EmptyFileError(PinganError, ValueError):
    """The file has no rows."""

    code = "empty_file"
    message = "{file} holds no rows. Check that the right file, or the right sheet, was chosen."


class MissingColumnsError(PinganError, ValueError):
    """A column that cannot be done without was not found."""

    code = "missing_columns"
    message = "{file} has no column for {fields}. Its columns are: {columns}. Rename one, e.g. to {examples}."


class AmbiguousColumnsError(PinganError, ValueError):
    """Two columns of the file both look like the same field."""

    code = "ambiguous_columns"
    message = "In {file}, the columns {columns} all look like {field}. Rename all but one."


class UnclosedQuoteError(PinganError, ValueError):
    """A cell of a text table begins with a quotation mark and never ends."""

    code = "unclosed_quote"
    message = "In {file}, a quotation mark opened in row {row} is never closed. Close it, or delete it."


class AmbiguousDatesError(PinganError, ValueError):
    """Dates could be day/month or month/day."""

    code = "ambiguous_dates"
    message = (
        "In {file}, it is not clear whether dates such as {examples} are day/month or month/day. "
        "Say which (--date-order dmy or mdy), or write them as 2025-07-03."
    )


class AmbiguousSerialsError(PinganError, ValueError):
    """Dates are numbers of days, and it is not known since when."""

    code = "ambiguous_serials"
    message = (
        "In {file}, dates are numbers such as {example}, which may be {early} or {late}: spreadsheets count days "
        "from 1900 or from 1904. Save the workbook itself as XLSX and import that, or write dates as 2025-07-03."
    )


class TooManyCategoriesError(PinganError, ValueError):
    """The column taken for the category holds free text."""

    code = "too_many_categories"
    message = "In {file}, the column of categories has more than {limit} new values. Is it the right column?"


class UnknownDatumError(PinganError, ValueError):
    """The datum named is not one that is known."""

    code = "unknown_datum"
    message = "The datum {datum} is not known. Use wgs84, gcj02, bd09, cgcs2000 or EPSG:number."


class DatumUnclearError(PinganError, ValueError):
    """The datum has to be known and neither the file nor its rows show it."""

    code = "datum_unclear"
    message = (
        "In {file}, the datum cannot be told: {rows} rows also name a known place, and of these fit: {fits}. "
        "Say --datum wgs84, gcj02 or bd09, for mixed files one file per source."
    )


class LayoutNotFoundError(PinganError, LookupError):
    """No layout is remembered under this name."""

    code = "layout_not_found"
    message = "No layout is remembered under the name {name}. Known are: {known}."


class NoCrsError(PinganError, ValueError):
    """A layer does not say in which coordinates it is."""

    code = "no_crs"
    message = "{file} does not say which coordinates it uses. Add its .prj file, or say --datum EPSG:number."


class GeometryKindError(PinganError, ValueError):
    """A layer holds another kind of shape than is needed."""

    code = "geometry_kind"
    message = "{file} holds {found}, but {expected} are needed."


class DuplicateCodesError(PinganError, ValueError):
    """Two polygons of a layer have the same code."""

    code = "duplicate_codes"
    message = "In {file}, these codes stand more than once: {codes}. Give each polygon a code of its own."


class EmptyCodesError(PinganError, ValueError):
    """A shape of a layer has no code."""

    code = "empty_codes"
    message = "In {file}, the shapes in these rows have no code: {rows}. Give each a code of its own."


class LayerChoiceError(PinganError, ValueError):
    """A file holds several layers that could be meant."""

    code = "layer_choice"
    message = "{file} holds several layers: {layers}. Save the one that is meant in a file of its own."


class BrokenPolygonsError(PinganError, ValueError):
    """Polygons cross themselves in a way that cannot be mended without guessing."""

    code = "broken_polygons"
    message = "In {file}, these polygons cross themselves or are empty: {codes}. Mend them in a GIS and import again."


class NoPlacesError(PinganError, ValueError):
    """No row of a table has a place that can be used."""

    code = "no_places"
    message = "No row of {file} has a usable place: {columns} were read as {datum}. Say its --datum."


class NoRoadsError(PinganError, ValueError):
    """There is no road to find a way on."""

    code = "no_roads"
    message = "{file} holds no roads. Check that the right file was chosen, and that it has lines with a class of road."


class NoRoadsForModeError(PinganError, ValueError):
    """No road is open to a mode."""

    code = "no_roads_for_mode"
    message = "{mode}: no road is open. Check the classes of road and the access tags of the roads layer."


class OutsideTownError(PinganError, ValueError):
    """A whole layer lies outside the town."""

    code = "outside_town"
    message = "Nothing in {file} lies inside the town. Is its datum {datum}? Is it the right town?"


class TooManyPhotosError(PinganError, ValueError):
    """A folder or an archive holds more photos than are taken at a time."""

    code = "too_many_photos"
    message = (
        "{file} holds {count} photos, but at most {limit} are taken at a time. Split it and import the parts."
    )


class HeifMissingError(PinganError, ImportError):
    """Photos are HEIC, and the package that reads them is not installed."""

    code = "heif_missing"
    message = (
        "{count} photos in {file} are HEIC. Run `pip install 'pingan-geo[heif]'`, or save them as JPEG first."
    )


class PhotoNotBareError(PinganError, RuntimeError):
    """A copy of a photo carries more than the picture; a safeguard that should never speak."""

    code = "photo_not_bare"
    message = (
        "The copy of {photo} still carries more than the picture and was not kept. Leave this photo out."
    )


# -- online geocoders --------------------------------------------------------------------------------


class OnlineKeyError(PinganError, PermissionError):
    """An online geocoder has no key, or refuses it."""

    code = "online_key"
    message = (
        "The online geocoder {provider} refuses the key, or there is none. "
        "Check `key` in the section [geocoding] of town.toml."
    )


class OnlineQuotaError(PinganError, RuntimeError):
    """No more requests may be made for now."""

    code = "online_quota"
    message = (
        "The online geocoder {provider} takes no more requests for now. The texts left over stay in review; "
        "import them again tomorrow, or ask the provider for a larger quota."
    )


class OnlineUnreachableError(PinganError, ConnectionError):
    """An online geocoder does not answer."""

    code = "online_unreachable"
    message = "The online geocoder {provider} does not answer. Check the network, and `url` in the section [geocoding] of town.toml."


class OnlineAnswerError(PinganError, RuntimeError):
    """An online geocoder answers something else than is documented."""

    code = "online_answer"
    message = (
        "The online geocoder {provider} gave an answer that is not documented. "
        "Is there a log-in page or a proxy between? Check `url` in the section [geocoding] of town.toml."
    )


# -- questions ---------------------------------------------------------------------------------------


class BadChoiceError(PinganError, ValueError):
    """An argument has a value that is not offered."""

    code = "bad_choice"
    message = "{name} is {value}, but must be {expected}."


class UnknownCategoryError(PinganError, ValueError):
    """The category asked for is not in the town's list."""

    code = "unknown_category"
    message = "The category {category} is not in the town's list: {known}."


class NoReportsError(PinganError, ValueError):
    """No report fits the question."""

    code = "no_reports"
    message = "No report fits this choice. Widen the period or take away a filter."


class ShortRecordError(PinganError, ValueError):
    """The reports do not reach back far enough to try a forecast on them."""

    code = "short_record"
    message = (
        "The reports reach over {days} days, but a back-test needs {needed}: record to learn from, and a window to "
        "foretell. Widen the period, or shorten the horizon."
    )


class NoExposureError(PinganError, LookupError):
    """Reports are to be set against something that the town does not have."""

    code = "no_exposure"
    message = "Reports cannot be set against {name}: {detail}."


class NoBandwidthError(PinganError, ValueError):
    """No bandwidth can be worked out from the reports."""

    code = "no_bandwidth"
    message = "No bandwidth can be worked out: {count} reports fit, and they lie in one place or are too few. Give it in metres."


class MixedOriginsError(PinganError, ValueError):
    """A test is asked of reports and of finds of patrols together."""

    code = "mixed_origins"
    message = "Reports and finds of patrols are not tested together. Choose one origin."


class ReversedIntervalError(PinganError, ValueError):
    """An interval ends before it begins."""

    code = "reversed_interval"
    message = "{count} intervals end before they begin, first in row {row} (counted from 0): mend or leave them out."


class TeamRouteError(PinganError, ValueError):
    """A team cannot come from its start to its end within its shift."""

    code = "team_route"
    message = "Team {team} cannot get from {start} to {end} within its shift. Choose other places, a longer shift or another way to move."


class TeamBreakError(PinganError, ValueError):
    """A team cannot reach a place to rest near the middle of its shift."""

    code = "team_break"
    message = "Team {team} finds no place for its break of {minutes} minutes near the middle of its shift. Shorten or drop the break, or name a nearer place to rest."


class UnalignedIndexError(PinganError, ValueError):
    """Two tables that belong together have different rows."""

    code = "unaligned_index"
    message = "{left} and {right} do not have the same rows."


class BadTableError(PinganError, ValueError):
    """A table inside the program lacks a column or has one of another type."""

    code = "bad_table"
    message = "The table {table} is wrong: {detail}."


class AreaError(PinganError, ValueError):
    """An area that was drawn or named cannot be looked into."""

    code = "area"
    message = "This area cannot be used: {detail}."


class NoLayerError(PinganError, LookupError):
    """The town has no polygons of the kind that is asked for."""

    code = "no_layer"
    message = "The town has no {layer} yet. Import them with `pingan import {layer} FILE`."


class ViewNameError(PinganError, ValueError):
    """The name of a view to be saved cannot be used."""

    code = "view_name"
    message = "A view needs a name of 1 to {most} characters on one line."


class ViewExistsError(PinganError, ValueError):
    """There is already a view of that name."""

    code = "view_exists"
    message = "There is already a view with the name {name}. Choose another name, or delete that one first."


class ViewNotFoundError(PinganError, LookupError):
    """There is no view of that name."""

    code = "view_not_found"
    message = "There is no saved view with the name {name}. Somebody may have renamed or deleted it."


class BatchNotFoundError(PinganError, LookupError):
    """There is no such import."""

    code = "batch_not_found"
    message = "There is no import with the number {batch}. `pingan held` and the import page list them."


class RereadError(PinganError, RuntimeError):
    """A held row cannot be read again: its import did not note how the file was read."""

    code = "reread"
    message = (
        "Import {batch} was made by an older version, which did not note how its file was read. "
        "Write its held rows out with `pingan held --export`, mend them there and import that file."
    )


class ReviewItemError(PinganError, LookupError):
    """A question of the review was answered before, or never asked."""

    code = "review_item"
    message = "The question {item} is not open: it was answered, or its import was taken back."


class AnswerError(PinganError, ValueError):
    """An answer does not fit its question."""

    code = "answer"
    message = "{item} cannot be answered so: {detail}."


class AliasFileError(PinganError, ValueError):
    """A file of aliases has rows that mean nothing in this town."""

    code = "alias_file"
    message = "In {file}, these rows cannot be used: {rows} ({detail}). Nothing was taken in. Mend them or delete them."


class ReportNotFoundError(PinganError, LookupError):
    """There is no such report."""

    code = "report_not_found"
    message = "There is no report with the number {report}. Its import may have been taken back."


class UndoOrderError(PinganError, ValueError):
    """A layer was imported again after the import that is to be taken back."""

    code = "undo_order"
    message = "Import {batch} replaced a layer that import {later} replaced again. Take {later} back first."


# -- patrols -----------------------------------------------------------------------------------------


class PatrolPlanError(PinganError, ValueError):
    """A stored plan of a patrol cannot be read."""

    code = "patrol_plan"
    message = "The plan of this patrol cannot be read ({detail}). Plan it anew."


class PatrolNotFoundError(PinganError, LookupError):
    """There is no plan of a patrol under this number."""

    code = "patrol_not_found"
    message = "There is no patrol {patrol} in this town. Is it the right town?"


class PatrolReturnError(PinganError, ValueError):
    """A file is not what a patrol brings back, or is damaged."""

    code = "patrol_return"
    message = "{file} cannot be taken in as what a patrol brought back: {detail}. Nothing was written."


class QrPartsError(PinganError, ValueError):
    """Not all QR codes of a return were scanned."""

    code = "qr_parts"
    message = "{file} lacks parts {missing} of the {parts} QR codes of this return. Scan these too and give all lines together."


class WrongTeamError(PinganError, LookupError):
    """A return names a team that its patrol does not have."""

    code = "wrong_team"
    message = (
        "{file} is of team {team} of patrol {patrol}, which has only the teams {known}. Nothing was written."
    )


class PlaceUnknownError(PinganError, LookupError):
    """A place that somebody named is not among the town's, or is not the only one."""

    code = "place_unknown"
    message = "{place} names {count} places of this town, but must name one: {known}. Give the number of a post, station or place, or longitude,latitude."


class TeamStartError(PinganError, ValueError):
    """No team can start anywhere: no place was named, and the town has no post or station."""

    code = "team_start"
    message = "{town} has no station and no post, so it is not known where a team starts. Name a place or longitude,latitude (--from), or import them."


class OutsideAddressError(PinganError, RuntimeError):
    """A map would load something from the internet."""

    code = "outside_address"
    message = "A map asked for {address}, which is outside this machine. Add the file to package.json and the asset list."


class AssetsMissingError(PinganError, RuntimeError):
    """The browser files have not been fetched."""

    code = "assets_missing"
    message = "The files that maps need in the browser are missing ({file}). Run `make install`."


class ExportFormatError(PinganError, ValueError):
    """The file name asks for a format that is not written."""

    code = "export_format"
    message = "{file} ends in a format that is not written. Use {accepted}."


class ExportTooLargeError(PinganError, ValueError):
    """The format cannot hold that many rows."""

    code = "export_too_large"
    message = "{file} cannot hold {rows} rows; this format ends at {limit}. Use .csv or .gpkg, or a narrower choice."


class FolderMissingError(PinganError, FileNotFoundError):
    """The folder into which a file is to be written does not exist."""

    code = "folder_missing"
    message = "There is no folder {folder} to write {file} into. Make it first, or choose another."


class UsageError(PinganError, ValueError):
    """The command line was not understood."""

    code = "usage"
    message = "{detail} `{command} --help` shows what can be said."


class PortTakenError(PinganError, OSError):
    """Another program listens on the port."""

    code = "port_taken"
    message = "Port {port} is taken by another program. Choose another with --port."


class AppMissingError(PinganError, ImportError):
    """The packages of the app are not installed."""

    code = "app_missing"
    message = "The app is not installed ({kind} is missing). Run `pip install 'pingan-geo[app]'`."
