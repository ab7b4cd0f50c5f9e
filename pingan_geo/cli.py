"""The command line: arguments → one workflow call → files, and one answer in words or in JSON.

Everything heavy is imported inside the commands, so that ``pingan --help`` answers at once. Exit codes:
0 done; 1 done, but something waits for review; 2 refused, nothing written; 3 failed, nothing half-written.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from pingan_geo import __version__
from pingan_geo.errors import (
    AppMissingError,
    AssetsMissingError,
    BadChoiceError,
    BadTableError,
    Cancelled,
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseTooNewError,
    DatabaseWriteError,
    OutsideAddressError,
    PinganError,
    PortTakenError,
    UnalignedIndexError,
    UsageError,
)
from pingan_geo.i18n import LOCALES, Translator, mark, translator
from pingan_geo.settings import town_folder

if TYPE_CHECKING:
    from pingan_geo.model.patrol import Patrol
    from pingan_geo.model.receipt import OnProgress, Progress, Receipt
    from pingan_geo.model.report import ReportFilter
    from pingan_geo.workflow.backtest import BackTest
    from pingan_geo.workflow.hotspots import Hotspots
    from pingan_geo.workflow.rates import RateTable
    from pingan_geo.workflow.towns import Town

DONE, REVIEW, REFUSED, FAILED = 0, 1, 2, 3
#: Refused is what the person can put right in the command; these are not.
_FAILURES = (
    AppMissingError,
    AssetsMissingError,
    BadTableError,
    Cancelled,
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseTooNewError,
    DatabaseWriteError,
    OutsideAddressError,
    UnalignedIndexError,
)
_REPORTS = "reports"
_LAYERS = ("grids", "villages", "beats", "estates", "roads", "waters")
_FEATURES = ("posts", "stations", "enterprises", "places", "volunteers")
_EXPORTS = ("reports", "posts", "stations", "enterprises", "grids", "places")
_SUBJECTS = ("polygons", "posts", "enterprises", "gazetteer", "data", "airgap")
_SHOWN = 20
_MANY = 1_000_000

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass
class _Said:
    """What stands before or after the command: the same options in both places, the later one wins."""

    language: str
    json: bool
    debug: bool
    town: str = ""

    @property
    def t(self) -> Translator:
        """The translator of this run."""
        return translator(self.language)

    @property
    def folder(self) -> Path:
        """The town's folder."""
        return town_folder(self.town)


@dataclass(frozen=True)
class _Answer:
    """What a command gives back, for programs and for people."""

    values: Mapping[str, Any]
    lines: Sequence[str] = ()
    code: int = DONE
    after: Callable[[], None] | None = field(default=None, repr=False)


# -- the run -----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _speak_utf8()
    said = _Said(_language_of(given), "--json" in given, "--debug" in given)
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if said.debug else logging.ERROR)
    with warnings.catch_warnings():
        if not said.debug:  # what libraries warn of is for programmers
            warnings.simplefilter("ignore")
        return _run(given, said)


def _run(given: list[str], said: _Said) -> int:
    """Run the command; whatever happens, one answer or one sentence comes out."""
    try:
        answer = pingan.main(given, prog_name="pingan", standalone_mode=False, obj=said)
        if isinstance(answer, _Answer):
            _print(answer, said)
            if answer.after is not None:
                answer.after()
            return answer.code
        return int(answer or DONE)
    except BrokenPipeError:  # the reader of the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, click.Abort):
        return _fail(Cancelled(), said, FAILED)
    except click.ClickException as error:
        return _fail(_usage(error, said.t), said, REFUSED)
    except PinganError as error:
        return _fail(error, said, FAILED if isinstance(error, _FAILURES) else REFUSED)
    except Exception as error:  # noqa: BLE001 - the last door: one sentence instead of a traceback
        return _fail(error, said, FAILED)


def _speak_utf8() -> None:
    """Write UTF-8 whatever the locale says: a C locale must not break Chinese."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _language_of(given: Sequence[str]) -> str:
    """Return the language that is asked for, before anything is parsed: usage errors are said in it too."""
    for asked in (_value_of(given, "--language"), os.environ.get("PINGAN_LANGUAGE", "")):
        if asked in LOCALES:
            return asked
    folder = town_folder(_value_of(given, "--town"))
    with contextlib.suppress(OSError, ValueError):
        import tomllib

        town = tomllib.loads((folder / "town.toml").read_text(encoding="utf-8")).get("town")
        if isinstance(town, dict) and town.get("language") in LOCALES:
            return str(town["language"])
    return "zh"


def _value_of(given: Sequence[str], option: str) -> str:
    value = ""
    for place, word in enumerate(given):
        if word == option and place + 1 < len(given):
            value = given[place + 1]
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
    return value


def _print(answer: _Answer, said: _Said) -> None:
    text = _json(answer.values) if said.json else "\n".join(answer.lines)
    if text:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _json(values: Any) -> str:
    return json.dumps(_plain(values), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: missing numbers and times are null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # false for NaN too
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    if hasattr(value, "isoformat"):
        text = str(value.isoformat())
        return None if text == "NaT" else text
    return str(value)


def _fail(error: BaseException, said: _Said, code: int) -> int:
    """Say what went wrong in one sentence, and return the exit code."""
    if said.debug:
        import traceback

        traceback.print_exception(error)
    t = said.t
    if isinstance(error, PinganError):
        name, values, sentence = error.code, error.values, t.error(error)
    elif isinstance(error, OSError):
        values = {"file": str(error.filename or ""), "detail": error.strerror or str(error)}
        name, sentence = "os_error", t("{file} could not be read or written: {detail}.", **values)
    else:
        name, values, sentence = "unexpected", {"kind": type(error).__name__}, t.error(error)
        sentence += " " + t("Nothing half-written stays. Run it again with --debug to see where.")
    if said.json:
        sys.stdout.write(_json({"error": name, "message": sentence, "values": values}) + "\n")
        sys.stdout.flush()
    else:
        sys.stderr.write(sentence + "\n")
    return code


def _usage(error: click.ClickException, t: Translator) -> UsageError:
    """Return what click found wrong as an error of ours, in the reader's language."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "pingan"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        detail = t("A command is missing.")
    elif isinstance(error, click.NoSuchOption):
        detail = t("There is no option {name}.", name=error.option_name)
        if error.possibilities:
            detail += " " + t("Is {name} meant?", name=min(error.possibilities))
    elif isinstance(error, click.MissingParameter):
        parameter = error.param
        name = parameter.human_readable_name if isinstance(parameter, click.Argument) else ""
        detail = t("{name} is missing.", name=name or (parameter.opts[0] if parameter else ""))
    elif isinstance(error, click.BadOptionUsage):
        detail = t("{name} needs a value.", name=error.option_name)
    elif found := re.match(r"No such command '(.*)'", error.message):
        detail = t("There is no command {name}.", name=found[1])
    else:
        detail = error.message if error.message.endswith(".") else f"{error.message}."
    return UsageError(detail=detail, command=command)


# -- help in two languages -------------------------------------------------------------------------------


def _translator_of(context: click.Context) -> Translator:
    said = context.find_root().obj
    return said.t if isinstance(said, _Said) else translator("zh")


class _Command(click.Command):
    """A command whose help texts are msgids."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - never shortened: one line each
        """Return the first line of the help."""
        context = click.get_current_context()
        return _translator_of(context)(self.help or "")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        t = _translator_of(ctx)
        formatter.write_usage(ctx.command_path, pieces, prefix=t("Usage") + ": ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_translator_of(ctx)(self.help or ""))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, the command's own first."""
        t = _translator_of(ctx)
        rows = []
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None and isinstance(option, click.Option):
                text = (
                    mark("Show this help.")
                    if option.name == "_click_default_help" or "--help" in option.opts
                    else option.help
                )
                rows.append((record[0], t(text or "")))
        with formatter.section(t("Options")):
            formatter.write_dl(rows)


class _Group(_Command, click.Group):
    """The program itself."""

    command_class = _Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write options and commands."""
        _Command.format_options(self, ctx, formatter)
        rows = [(name, command.get_short_help_str()) for name, command in sorted(self.commands.items())]
        t = _translator_of(ctx)
        with formatter.section(t("Commands")):
            formatter.write_dl(rows)


class _Listing(_Command):
    """A command some of whose options take all words up to the next option: ``--coverage 0.01 0.05``."""

    listing: ClassVar[frozenset[str]] = frozenset({"--category", "--methods", "--coverage"})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with the option put before each of its further words."""
        spread: list[str] = []
        option, own = "", False
        for word in args:
            if word.startswith("-"):
                option, own = (word, True) if word in self.listing else ("", False)
                spread.append(word)
                continue
            if option and not own:
                spread.append(option)
            spread.append(word)
            own = False
        return super().parse_args(ctx, spread)


class _Choice(click.ParamType):  # type: ignore[type-arg] # generic only in newer versions
    """One of some words."""

    name = "choice"

    def __init__(self, *words: str) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return the words, for the usage line."""
        return f"[{'|'.join(self.words)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Return the word, or refuse it."""
        if value not in self.words:
            raise BadChoiceError(name=_name_of(param), value=value, expected=" / ".join(self.words))
        return str(value)


class _Number(click.ParamType):  # type: ignore[type-arg] # generic only in newer versions
    """A whole number, or any number."""

    name = "number"

    def __init__(self, kind: type[int] | type[float], low: float, high: float) -> None:
        self.kind, self.low, self.high = kind, low, high

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return how it is shown in the usage line."""
        return "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ARG002
        """Return the number, or refuse it."""
        try:
            number = self.kind(value)
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:
            endless = self.high > _MANY
            expected = f"{self.low:g} or more" if endless else f"{self.low:g}-{self.high:g}"
            raise BadChoiceError(name=_name_of(param), value=value, expected=expected)
        return number


class _Text(click.ParamType):  # type: ignore[type-arg] # generic only in newer versions
    """Any text; its name stands in the usage line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Return the text."""
        return str(value)


def _name_of(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return ""
    return (
        parameter.human_readable_name.strip("[]")
        if isinstance(parameter, click.Argument)
        else parameter.opts[0]
    )


_FILE, _DIR = _Text("FILE"), _Text("DIR")


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep an option that may stand before or after the command."""
    if value not in (None, False) and parameter.name:
        setattr(context.find_root().obj, parameter.name, value)


def _common(function: _Function) -> _Function:
    """Give a command the options that all have."""
    for names, settings in (
        (("--debug",), {"is_flag": True, "help": mark("Show where in the program an error arose.")}),
        (
            ("--language",),
            {"type": _Choice(*LOCALES), "help": mark("Language; else PINGAN_LANGUAGE, else the town's.")},
        ),
        (("--json",), {"is_flag": True, "help": mark("Print one JSON object.")}),
        (("--town",), {"type": _DIR, "help": mark("Folder of the town; else PINGAN_TOWN, else ./town.")}),
    ):
        function = click.option(*names, expose_value=False, callback=_keep, **settings)(function)  # type: ignore[arg-type]
    return function


_year = click.option(
    "--year",
    type=_Number(int, 1990, 2099),
    default=None,
    help=mark("Of times that name none, such as a day and 'afternoon'."),
)

# -- the commands ------------------------------------------------------------------------------------


def _show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value and not context.resilient_parsing:
        click.echo(f"pingan {__version__}")
        context.exit()


@click.group(
    cls=_Group,
    help=mark("From ledgers of reports to maps and lists of hotspots, without internet."),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help=mark("Show the version."),
)
@_common
def pingan() -> None:
    """Hold the commands."""


@pingan.command(help=mark("Make the synthetic demo town in a new folder."))
@click.argument("folder", metavar="DIR", type=_DIR)
@click.option(
    "--seed", type=_Number(int, 0, 2**32 - 1), default=1, help=mark("The same seed gives the same bytes; 1.")
)
@click.option(
    "--reports", type=_Number(int, 0, 10_000_000), default=None, help=mark("How many reports; 0 for none.")
)
@_common
@click.pass_obj
def demo(said: _Said, folder: str, seed: int, reports: int | None) -> _Answer:
    """Make the demo town."""
    from pingan_geo.workflow.explore import load_reports
    from pingan_geo.workflow.make_demo import make_demo

    wanted = {} if reports is None else {"reports": reports}
    with (
        _progress(said) as on_progress,
        contextlib.closing(make_demo(Path(folder), seed=seed, on_progress=on_progress, **wanted)) as town,
    ):
        made, settings = len(load_reports(town)), town.settings
    t = said.t
    return _Answer(
        {"folder": folder, "name": settings.name, "seed": seed, "reports": made, "synthetic": True},
        [
            t(
                "Made the demo town {name} in {folder}: {reports} reports, all made up.",
                name=t.pick(settings.name, settings.name_en),
                folder=folder,
                reports=made,
            ),
            t("Open it with `pingan serve --town {folder}`.", folder=folder),
        ],
    )


@pingan.command(help=mark("Make an empty town from any file of polygons, or from a table of points."))
@click.argument("folder", metavar="DIR", type=_DIR)
@click.option(
    "--area", type=_FILE, required=True, help=mark("Its area: polygons, or points to draw cells around.")
)
@click.option("--grids", type=_FILE, default="", help=mark("Its grids: polygons with codes."))
@click.option("--name", type=_Text("NAME"), default="", help=mark("Its name; else the folder's."))
@click.option(
    "--timezone", type=_Text("TZ"), default="Asia/Shanghai", help=mark("Its time zone; Asia/Shanghai.")
)
@click.option(
    "--datum", type=_Text("DATUM"), default="", help=mark("Of these files, when they do not say it.")
)
@_common
@click.pass_obj
def init(said: _Said, folder: str, area: str, grids: str, name: str, timezone: str, datum: str) -> _Answer:
    """Make an empty town."""
    from pingan_geo.workflow.towns import create_town

    town = create_town(
        Path(folder),
        area=Path(area),
        grids=Path(grids) if grids else None,
        name=name,
        timezone=timezone,
        language=said.language,
        datum="" if datum == "auto" else datum,
    )
    with contextlib.closing(town):
        settings, shapes = town.settings, len(town.layer("grids"))
    t = said.t
    lines = [
        t(
            "Made the town {name} in {folder}, with {grids} grids.",
            name=settings.name,
            folder=folder,
            grids=shapes,
        )
    ]
    if settings.notice:
        lines.append(settings.notice)
    lines.append(t("Import a ledger with `pingan import reports FILE --town {folder}`.", folder=folder))
    return _Answer(
        {
            "folder": folder,
            "name": settings.name,
            "timezone": settings.timezone,
            "language": settings.language,
            "grids": shapes,
            "notice": settings.notice,
        },
        lines,
    )


@pingan.command(
    "import", help=mark("Read ledgers or layers into the town and print what became of each row.")
)
@click.argument("kind", metavar="KIND", type=_Choice(_REPORTS, *_LAYERS, *_FEATURES))
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@click.option(
    "--datum", type=_Text("DATUM"), default="auto", help=mark("auto, wgs84, gcj02, bd09, cgcs2000 or EPSG:n.")
)
@click.option("--source", type=_Text("NAME"), default="", help=mark("Name of the ledger, for reports."))
@click.option(
    "--layout", type=_Text("NAME"), default="", help=mark("Name of the ledger's layout, for reports.")
)
@click.option(
    "--date-order", type=_Choice("mdy", "dmy"), default=None, help=mark("When dates have the year last.")
)
@_year
@click.option(
    "--swap",
    is_flag=True,
    help=mark("Exchange latitude and longitude of rows that lie in the town only so."),
)
@click.option("--dry-run", is_flag=True, help=mark("Everything but the writing."))
@_common
@click.pass_obj
def import_(
    said: _Said,
    kind: str,
    files: Sequence[str],
    datum: str,
    source: str,
    layout: str,
    date_order: str | None,
    year: int | None,
    swap: bool,
    dry_run: bool,
) -> _Answer:
    """Import files, all of them or none."""
    from pingan_geo.workflow.import_layers import import_layer
    from pingan_geo.workflow.import_reports import import_reports

    if kind in _LAYERS and len(files) > 1:
        raise BadChoiceError(
            name="FILE", value=list(files), expected="one file: a layer is replaced as a whole"
        )
    shared: dict[str, Any] = {"datum": "" if datum == "auto" else datum, "dry_run": dry_run}
    receipts: list[Receipt] = []
    with _town(said) as town, _progress(said) as on_progress:
        now = town.now(datetime.now(UTC))
        try:
            for file in map(Path, files):
                if kind == _REPORTS:
                    words: dict[str, Any] = {
                        "source": source,
                        "layout": layout,
                        "date_order": date_order or "",
                        "year": year,
                        "swap": "yes" if swap else "",
                    }
                    receipts.append(
                        import_reports(town, file, now=now, on_progress=on_progress, **words, **shared)
                    )
                else:
                    receipts.append(
                        import_layer(town, kind, file, now=now, on_progress=on_progress, **shared)
                    )
        except BaseException:
            _take_back(town, receipts, now)
            raise
    return _receipt_answer(kind, receipts, said.t)


def _take_back(town: Town, receipts: Sequence[Receipt], now: datetime) -> None:
    """Undo what files before a refused one brought: a refused command writes nothing."""
    from pingan_geo.workflow.import_layers import undo_import

    for receipt in reversed(receipts):
        if receipt.batch_id is not None:
            undo_import(town, receipt.batch_id, now)


def _receipt_answer(kind: str, receipts: Sequence[Receipt], t: Translator) -> _Answer:
    names = ("read", "accepted", "merged", "corrected", "held", "repeated")
    totals = {name: sum(getattr(one, name) for one in receipts) for name in names}
    reasons: dict[str, int] = {}
    for one in receipts:
        for reason, count in one.held_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    listed = [
        {**one.as_dict(), "said": [t(msgid, **values) for msgid, values in one.notes]} for one in receipts
    ]
    values = {
        "kind": kind,
        **totals,
        "held_by_reason": reasons,
        "dry_run": any(one.dry_run for one in receipts),
        "batch_id": receipts[-1].batch_id,
        "files": listed,
    }
    lines = [line for one in receipts for line in _receipt_lines(one, t)]
    return _Answer(values, lines, REVIEW if totals["held"] else DONE)


def _receipt_lines(receipt: Receipt, t: Translator) -> Iterator[str]:
    from pingan_geo.model.receipt import HOLD_REASONS

    yield t(
        "{file}: {read} rows read = {accepted} accepted + {merged} merged + {corrected} corrected"
        " + {held} held + {repeated} repeated",
        file=receipt.file,
        **{
            name: getattr(receipt, name)
            for name in ("read", "accepted", "merged", "corrected", "held", "repeated")
        },
    )
    for reason, count in receipt.held_by_reason.items():
        yield "  " + t("{count} held: {reason}", count=count, reason=HOLD_REASONS.get(reason, reason))
    for msgid, values in receipt.notes:
        yield "  " + t(msgid, **values)
    if receipt.dry_run:
        yield "  " + t("This was a trial: nothing was written.")
    elif receipt.batch_id is not None:
        yield "  " + t("Import {batch}; `pingan undo {batch}` takes it back.", batch=receipt.batch_id)
        if receipt.held:
            yield "  " + t("`pingan held --export FILE` writes the held rows in the sender's own layout.")


@pingan.command(
    help=mark("List the imports and the rows held for review; write them out in the sender's layout.")
)
@click.option(
    "--export", "file", type=_FILE, default="", help=mark("File to write the held rows to (.csv, .xlsx).")
)
@click.option("--batch", type=_Number(int, 1, 2**63 - 1), default=None, help=mark("Of one import only."))
@_common
@click.pass_obj
def held(said: _Said, file: str, batch: int | None) -> _Answer:
    """List held rows."""
    from pingan_geo.errors import BatchNotFoundError
    from pingan_geo.model.receipt import HOLD_REASONS
    from pingan_geo.workflow.held import export_held, held_rows
    from pingan_geo.workflow.inventory import load_batches

    t = said.t
    with _town(said) as town:
        imports = load_batches(town)
        if batch is not None and batch not in imports["batch_id"].to_numpy():
            raise BatchNotFoundError(batch=batch)
        rows = held_rows(town, batch)
        if file:
            export_held(town, Path(file), batch=batch, language=said.language)
    reasons = {str(code): int(count) for code, count in rows["reason"].value_counts().items()}
    lines = [
        t(
            "Import {batch}: {file}, {read} rows read, {held} held{undone}",
            batch=one["batch_id"],
            file=one["file_name"],
            read=one["read"],
            held=one["held"],
            undone="" if one["undone_at"] != one["undone_at"] else t(" (taken back)"),
        )
        for one in imports.to_dict("records")
        if batch in (None, one["batch_id"])
    ]
    lines.append(t.plural("{count} row is held.", "{count} rows are held.", len(rows)))
    lines += [
        "  " + t("{count} held: {reason}", count=n, reason=HOLD_REASONS.get(code, code))
        for code, n in reasons.items()
    ]
    if file:
        lines.append(t("Written to {file}.", file=file))
    columns = ["batch_id", "kind", "file_name", "source", "row_number", "reason", "detail"]
    values = {
        "held": len(rows),
        "held_by_reason": reasons,
        "rows": rows[columns].to_dict("records"),
        "imports": imports.to_dict("records"),
        "file": file or None,
    }
    return _Answer(values, lines)


@pingan.command(help=mark("Take an import back."))
@click.argument("batch", metavar="BATCH", type=_Number(int, 1, 2**63 - 1))
@_common
@click.pass_obj
def undo(said: _Said, batch: int) -> _Answer:
    """Take an import back."""
    from pingan_geo.workflow.import_layers import undo_import

    with _town(said) as town:
        rows = undo_import(town, batch, town.now(datetime.now(UTC)))
    line = said.t("Import {batch} is taken back: {count} rows.", batch=batch, count=rows)
    return _Answer({"batch_id": batch, "taken_back": rows}, [line])


@pingan.command(help=mark("Write what the town holds as a table or a layer."))
@click.argument("kind", metavar="KIND", type=_Choice(*_EXPORTS))
@click.option(
    "--out", "file", type=_FILE, required=True, help=mark("File: .csv, .xlsx, .geojson, .gpkg or .kml.")
)
@click.option(
    "--datum",
    type=_Choice("wgs84", "gcj02", "bd09"),
    default="wgs84",
    help=mark("Of the coordinates; wgs84."),
)
@click.option(
    "--audience",
    type=_Choice("analyst", "patrol", "leader"),
    default="analyst",
    help=mark("Who may see it. analyst: all (the default here); patrol, leader: no exact private places."),
)
@click.option(
    "--layout",
    type=_Text("NAME"),
    default="",
    help=mark("Reports in the layout of the ledger that they came in, with columns of ours added."),
)
@_common
@click.pass_obj
def export(said: _Said, kind: str, file: str, datum: str, audience: str, layout: str) -> _Answer:
    """Write what the town holds."""
    from pingan_geo.workflow.exports import export_table
    from pingan_geo.workflow.ledger_export import export_ledger

    if layout and (kind != _REPORTS or audience != "analyst" or datum != "wgs84"):
        raise BadChoiceError(
            name="--layout", value=layout, expected="reports for analysts: each row in its own datum"
        )
    with _town(said) as town:
        if layout:
            done = export_ledger(town, Path(file), layout, language=said.language)
        else:
            done = export_table(
                town, kind, Path(file), datum=datum, audience=audience, language=said.language
            )
    t = said.t
    lines = [t("{count} rows written to {file} ({datum}).", count=done.rows, file=file, datum=done.datum)]
    if done.notice:
        lines.append(done.notice)
    return _Answer(
        {
            "file": file,
            "kind": kind,
            "rows": done.rows,
            "datum": done.datum,
            "audience": done.audience,
            "coarsened": done.coarsened,
            "notice": done.notice,
        },
        lines,
    )


@pingan.command(help=mark("Find places for the words of a table, without storing it."))
@click.argument("table", metavar="FILE", type=_FILE)
@click.option(
    "--out", "file", type=_FILE, required=True, help=mark("The same rows with places: .csv, .xlsx …")
)
@_common
@click.pass_obj
def locate(said: _Said, table: str, file: str) -> _Answer:
    """Geocode a table."""
    from pingan_geo.workflow.locate import locate_table

    clock = datetime.now(UTC)
    with _town(said) as town, _progress(said) as on_progress:
        done = locate_table(town, Path(table), Path(file), today=clock.date(), on_progress=on_progress)
    t = said.t
    lines = [
        t(
            "{count} rows: {accepted} placed, {review} for review, {rejected} not found; written to {file}.",
            count=done.rows,
            file=file,
            **done.by_status,
        ),
        *(t.error(problem) for problem in done.problems),
    ]
    values = {"file": file, "rows": done.rows, **done.by_status, "columns": done.columns}
    return _Answer(values, lines, REVIEW if done.by_status["review"] else DONE)


@pingan.command(help=mark("List what waits for a person, the answers that free most rows first."))
@click.option(
    "--kind", type=_Text("KIND"), default="", help=mark("category, place, grid, date, duplicate or held.")
)
@click.option(
    "--top", type=_Number(int, 1, 10_000), default=_SHOWN, help=mark("How many questions to list; 20.")
)
@_common
@click.pass_obj
def review(said: _Said, kind: str, top: int) -> _Answer:
    """List open questions."""
    from pingan_geo.workflow.gazetteer import proposing_geocoder
    from pingan_geo.workflow.review import KEEP_GRID, review_queue

    with _town(said) as town:
        geocoder = proposing_geocoder(town, today=datetime.now(UTC).date())
        queue = review_queue(town, kinds=(kind,) if kind else (), limit=top, geocoder=geocoder)
    t = said.t
    lines, listed = [], []
    for item in queue.items:
        sentence = t(item.message, **item.values)
        options = [
            {"code": one.code, "name": one.name, "lon": one.lon, "lat": one.lat, "level": one.level}
            for one in item.candidates
        ]
        listed.append(
            {
                "key": item.key,
                "kind": item.kind,
                "rows": item.rows,
                "message": sentence,
                "candidates": options,
            }
        )
        lines.append(f"{item.key}\n     {sentence}")
        lines += [
            f"     {number}. {t(KEEP_GRID) if one.keep_grid else f'{one.name or one.code} {one.code}'}"
            for number, one in enumerate(item.candidates, 1)
        ]
    lines.append(t("{count} questions wait; `pingan answer KEY …` answers one.", count=queue.total))
    values = {
        "questions": dict(queue.questions),
        "rows": dict(queue.rows),
        "total": queue.total,
        "items": listed,
    }
    return _Answer(values, lines, REVIEW if queue.total else DONE)


@pingan.command(help=mark("Answer a question of the review; --back takes the last answer back."))
@click.argument("key", metavar="[KEY]", type=_Text("KEY"), required=False, default="")
@click.argument("way", metavar="[WAY]", type=_Text("WAY"), required=False, default="")
@click.option("--code", type=_Text("CODE"), default="", help=mark("Of a category or grid."))
@click.option("--name", type=_Text("NAME"), default="", help=mark("Of a place or a new category."))
@click.option("--at", type=_Text("LON,LAT"), default="", help=mark("Place in WGS-84 degrees."))
@_year
@click.option(
    "--cell",
    "cells",
    multiple=True,
    type=_Text("HEADING=TEXT"),
    help=mark("A cell of a held row; may be repeated."),
)
@click.option(
    "--pick", type=_Number(int, 1, 5), default=None, help=mark("Take this proposal of `pingan review`.")
)
@click.option("--back", is_flag=True, help=mark("Take the last answer back."))
@_common
@click.pass_obj
def answer(
    said: _Said,
    key: str,
    way: str,
    code: str,
    name: str,
    at: str,
    year: int | None,
    cells: Sequence[str],
    pick: int | None,
    back: bool,
) -> _Answer:
    """Answer a question."""
    from pingan_geo.workflow import answers
    from pingan_geo.workflow.gazetteer import locate_later

    lon, lat = _place(at) if at else (float("nan"), float("nan"))
    changed = dict(_cell(text) for text in cells)
    with _town(said) as town:
        now = town.now(datetime.now(UTC))
        if back:
            outcome = answers.take_back_answer(town) or answers.Outcome("", written=False)
        else:
            given = answers.Answer(way, code=code, name=name, year=year or 0, cells=changed, lon=lon, lat=lat)
            if pick is not None:
                given = _picked(town, key, pick, given)
            outcome = answers.answer(town, key, given, now=now, locate=locate_later(town))
    t = said.t
    freed = outcome.accepted + outcome.corrected
    if back:
        said_back = (
            "The last answer is taken back." if outcome.written else "There is no answer left to take back."
        )
        line = t(said_back)
    elif outcome.changed:
        line = t("{count} stored reports or pairs were changed.", count=outcome.changed)
    else:
        line = t(
            "{count} rows are stored, {held} are held still, {dismissed} dismissed.",
            count=freed,
            held=outcome.held,
            dismissed=outcome.dismissed,
        )
    names = (
        "key",
        "accepted",
        "corrected",
        "repeated",
        "held",
        "reason",
        "dismissed",
        "changed",
        "alias",
        "written",
    )
    return _Answer({each: getattr(outcome, each) for each in names}, [line], REVIEW if outcome.held else DONE)


def _picked(town: Town, key: str, number: int, given: Any) -> Any:
    """Return the answer that takes a proposal of a question."""
    from dataclasses import replace

    from pingan_geo.workflow.gazetteer import proposing_geocoder
    from pingan_geo.workflow.review import KINDS, review_queue

    kind = key.partition(":")[0]
    geocoder = proposing_geocoder(town, today=datetime.now(UTC).date())
    queue = review_queue(town, kinds=(kind,) if kind in KINDS else (), limit=_MANY, geocoder=geocoder)
    proposed = next((item.candidates for item in queue.items if item.key == key), ())
    if number > len(proposed):
        raise BadChoiceError(
            name="--pick", value=number, expected=f"1-{len(proposed)}" if proposed else "left out"
        )
    one = proposed[number - 1]
    fields = ("code", "name", "lon", "lat", "level", "radius_m", "cells", "keep_grid")
    return replace(given, **{name: getattr(one, name) for name in fields})


@pingan.command(
    help=mark("List the remembered layouts and the learned spellings; carry the spellings to another town.")
)
@click.option("--export", "out", type=_FILE, default="", help=mark("File to write the spellings to (.csv)."))
@click.option("--import", "file", type=_FILE, default="", help=mark("File of spellings to learn."))
@_common
@click.pass_obj
def memory(said: _Said, out: str, file: str) -> _Answer:
    """Show what the town has learned."""
    from pingan_geo.workflow.aliases import export_aliases, import_aliases, list_aliases
    from pingan_geo.workflow.layouts import list_layouts

    t = said.t
    with _town(said) as town:
        lines = []
        if file:
            receipt = import_aliases(town, Path(file), now=town.now(datetime.now(UTC)))
            lines += list(_receipt_lines(receipt, t))
        if out:
            export_aliases(town, Path(out))
        layouts, aliases = list_layouts(town), list_aliases(town)
    lines += [t("Layout {name}", name=name) for name in layouts["name"]]
    lines += [f"{row.spelling} = {row.target}" for row in aliases.itertuples()]
    if out:
        lines.append(t("Written to {file}.", file=out))
    return _Answer(
        {"layouts": layouts.to_dict("records"), "aliases": aliases.to_dict("records"), "file": out or None},
        lines,
    )


def _filters(function: _Function) -> _Function:
    """Add the options that say which reports count."""
    for option in (
        click.option(
            "--weekdays",
            type=_Text("D-D"),
            default="",
            help=mark("Days of the week, 1 is Monday: 5, 1-5 or 6,7."),
        ),
        click.option(
            "--hours",
            type=_Text("H-H"),
            default="",
            help=mark("From one full hour to another, like 18-23 or 22-2."),
        ),
        click.option("--until", type=_Text("D"), default="", help=mark("Before this day or moment.")),
        click.option(
            "--since", type=_Text("D"), default="", help=mark("From this day or moment on, like 2025-07-31.")
        ),
        click.option(
            "--category",
            "categories",
            multiple=True,
            type=_Text("C"),
            help=mark("Only this category; may be repeated."),
        ),
    ):
        function = option(function)
    return function


@pingan.command(help=mark("Rank the cells of the town by their reports, and say why each is on the list."))
@_filters
@click.option(
    "--method",
    type=_Choice("count", "density", "gi", "scan", "near_repeat", "forecast"),
    metavar="METHOD",
    default="count",
    help=mark(
        "count (default); density; gi: only cells that chance would not bring; scan: clusters in place and "
        "time; near_repeat: cells near a recent report of a category."
    ),
)
@click.option(
    "--bandwidth",
    type=_Text("M"),
    default="",
    help=mark("density: width of the kernel in metres, or scott, or cv (cross-validated)."),
)
@click.option(
    "--adaptive",
    is_flag=True,
    help=mark("density: narrower where reports are many, wider where they are few."),
)
@click.option(
    "--edge",
    type=_Choice("none", "uniform", "diggle"),
    default="none",
    help=mark("density: correction at the border of the town; none (default), uniform or diggle."),
)
@click.option(
    "--against",
    type=_Text("E"),
    default="",
    help=mark("density, gi: more than its share of all (reports), households or enterprises."),
)
@click.option(
    "--radius-m",
    type=_Number(float, 0, 100_000),
    default=None,
    help=mark("scan: radius of the widest circle in metres; 1000."),
)
@click.option(
    "--days", type=_Number(int, 1, 3_660), default=None, help=mark("scan: days of the longest cluster; 28.")
)
@click.option(
    "--replications",
    type=_Number(int, 0, 99_999),
    default=None,
    help=mark("scan: random data sets for the p-value; 999."),
)
@click.option(
    "--retrospective", is_flag=True, help=mark("scan: also clusters that are over before the last day.")
)
@click.option(
    "--correction",
    type=_Choice("bh", "by", "bonferroni", "none"),
    default="bh",
    help=mark("Of the p-values for the number of cells: bh (default), by, bonferroni or none."),
)
@click.option(
    "--permutations",
    type=_Number(int, 0, 1_000_000),
    default=0,
    help=mark("p-values from so many random deals of the counts; 0 (default): none."),
)
@click.option(
    "--recounts",
    type=_Number(int, 0, 300),
    default=0,
    help=mark("How stable the list is: recount so often with other cells and reports; 0 (default): no."),
)
@click.option(
    "--resolution", type=_Number(int, 0, 15), default=9, help=mark("Size of the cells: H3 resolution; 9.")
)
@click.option(
    "--coverage", type=_Number(float, 0, 1), default=None, help=mark("Share of the town's cells to list.")
)
@click.option(
    "--top",
    type=_Number(int, 1, 10_000_000),
    default=None,
    help=mark("How many cells to list; 20, with gi all that are significant."),
)
@click.option(
    "--audience",
    type=_Choice("analyst", "patrol", "leader"),
    default="analyst",
    help=mark("Who may see it. analyst: as asked (the default here); patrol, leader: coarser cells."),
)
@click.option(
    "--out", "file", type=_FILE, default="", help=mark("File: .csv, .xlsx, .geojson, .gpkg or .kml.")
)
@_common
@click.pass_obj
def hotspots(
    said: _Said,
    /,
    categories: Sequence[str],
    since: str,
    until: str,
    hours: str,
    weekdays: str,
    method: str,
    correction: str,
    permutations: int,
    recounts: int,
    resolution: int,
    coverage: float | None,
    top: int | None,
    audience: str,
    file: str,
    bandwidth: str,
    **told: Any,
) -> _Answer:
    """Rank cells."""
    from pingan_geo.workflow.hotspot_methods import Options
    from pingan_geo.workflow.hotspots import export_hotspots, find_hotspots

    metres, rule = _bandwidth(bandwidth)
    options = Options(bandwidth_m=metres, bandwidth_rule=rule, **told)
    if metres is not None and method != "density":
        raise BadChoiceError(
            name="--bandwidth", value=bandwidth, expected=mark("left out: only the method density takes it")
        )
    asked = _filter(categories, since, until, hours, weekdays)
    with _town(said) as town:
        found = find_hotspots(
            town,
            asked,
            method=method,
            resolution=resolution,
            coverage=coverage,
            top=top,
            audience=audience,
            language=said.language,
            correction=correction,
            permutations=permutations,
            recounts=recounts,
            options=options,
        )
        if file:
            export_hotspots(found, Path(file), language=said.language)
    return _hotspot_answer(found, file, said.t)


def _bandwidth(text: str) -> tuple[float | None, str]:
    """Return metres, or the rule that works them out."""
    if text in {"", "scott", "cv"}:
        return None, text
    try:
        metres = float(text)
    except ValueError:
        metres = 0.0
    if not 0 < metres <= 100_000:
        raise BadChoiceError(
            name="--bandwidth", value=text, expected=mark("metres above 0, at most 100000, or scott, or cv")
        )
    return metres, ""


def _hotspot_answer(found: Hotspots, file: str, t: Translator) -> _Answer:
    names = (
        *(
            "total",
            "in_cells",
            "in_listed",
            "in_other",
            "unassigned",
            "cells_listed",
            "cells_all",
            "covered_m2",
        ),
        *("area_m2", "method", "resolution", "audience", "bandwidth_m", "hours_unknown"),
        *("in_intervals", "hours_left_out", "notice"),
        *("correction", "permutations", "significant", "verdict"),
    )
    values = {name: getattr(found, name) for name in names} | {"file": file or None}
    values["options"] = asdict(found.options)
    values["clusters"] = found.clusters.to_dict("records")
    lines = [f"{label}: {text}" for label, text in found.about]
    if found.notice:
        lines.insert(0, found.notice)
    if file:
        lines.append(t("{count} cells written to {file}.", count=len(found.table), file=file))
    else:
        values["hotspots"] = found.table.to_dict("records")
        values["tests"] = found.tests.to_dict("records")
        for row in found.table.head(_SHOWN).itertuples():
            place = row.nearest_place and t(
                "{place} ({metres} m)", place=row.nearest_place, metres=int(row.nearest_place_m)
            )
            where = " · ".join(part for part in (row.village, row.grid, place) if part)
            where = where or f"{row.lat:.5f}, {row.lon:.5f}"
            lines.append(f"{row.rank:>3}  {row.cell}  {where}\n     {row.reason}")
        if len(found.table) > _SHOWN:
            lines.append(
                t("Shown {shown} of {count}; --out writes all.", shown=_SHOWN, count=len(found.table))
            )
    return _Answer(values, lines)


@pingan.command(
    help=mark("Count reports per household, reporter, km² or find, with what chance alone brings.")
)
@click.option(
    "--by",
    type=_Choice("village", "grid", "estate", "cell"),
    default="village",
    help=mark("Counted in: village (default), grid, estate or cell."),
)
@click.option(
    "--per",
    type=_Choice("household", "reporter", "km2", "find"),
    default="household",
    help=mark("Per household (default), reporter, km2, or find of a patrol."),
)
@_filters
@click.option(
    "--resolution", type=_Number(int, 0, 15), default=9, help=mark("Size of the cells: H3 resolution; 9.")
)
@click.option(
    "--out", "file", type=_FILE, default="", help=mark("File: .csv, .xlsx, .geojson, .gpkg or .kml.")
)
@_common
@click.pass_obj
def rates(
    said: _Said,
    by: str,
    per: str,
    categories: Sequence[str],
    since: str,
    until: str,
    hours: str,
    weekdays: str,
    resolution: int,
    file: str,
) -> _Answer:
    """Count reports per exposure."""
    from pingan_geo.workflow.analysis import load_reporters
    from pingan_geo.workflow.explore import index_reports, load_reports
    from pingan_geo.workflow.rate_words import about_rates
    from pingan_geo.workflow.rates import export_rates, rate_table
    from pingan_geo.workflow.said import say_filter, town_notice
    from pingan_geo.workflow.stated_categories import check_categories

    asked = _filter(categories, since, until, hours, weekdays)
    with _town(said) as town:
        t, settings = said.t, town.settings
        index = index_reports(load_reports(town), settings.board_of)
        check_categories(town, asked.categories, index.reports)
        reporters = load_reporters(town, index) if per == "reporter" else None
        found = rate_table(town, index, asked, by=by, per=per, resolution=resolution, reporters=reporters)
        name, notice = t.pick(settings.name, settings.name_en), town_notice(settings, t)
        about = about_rates(found, name, say_filter(settings, asked, t), t)
        if file:
            export_rates(found, Path(file), notice=notice, about=about, language=said.language)
    return _rate_answer(found, file, notice, about, t)


def _rate_answer(
    found: RateTable, file: str, notice: str, about: Sequence[tuple[str, str]], t: Translator
) -> _Answer:
    from pingan_geo.workflow.rate_words import say_rate
    from pingan_geo.workflow.rates import listed

    names = (
        *("by", "per", "scale", "total", "in_units", "in_none", "without_sender", "unrated", "units"),
        *("unknown", "without", "tested", "mean", "untested", "resolution"),
    )
    line = found.line
    values = {name: getattr(found, name) for name in names} | {
        "since": found.period.since,
        "until": found.period.until,
        "concentration": {
            "top_units": line.top_units,
            "held": line.top_held,
            "scattered": line.top_scattered,
            "scattered_low": line.top_low,
            "scattered_high": line.top_high,
            "scattered_over": found.per if found.weighted else found.by,
            "units_with_80_percent": found.most,
        },
        "notice": notice,
        "file": file or None,
    }
    lines = [*([notice] if notice else []), *(f"{label}: {text}" for label, text in about)]
    table = listed(found)
    if file:
        lines.append(t("{count} rows written to {file}.", count=len(table), file=file))
        return _Answer(values, lines)
    values["rates"] = table.drop(columns="geometry", errors="ignore").to_dict("records")
    sides = {"above": "▲", "below": "▼"}
    for row in table.head(_SHOWN).itertuples():
        rate = "—" if row.rate != row.rate else say_rate(row.rate, found.per, t)
        lines.append(
            f"{sides.get(row.outside, ' '):>2}  {row.name}: {rate} ({t('{count} reports', count=row.count)})"
        )
    if len(table) > _SHOWN:
        lines.append(t("Shown {shown} of {count}; --out writes all.", shown=_SHOWN, count=len(table)))
    return _Answer(values, lines)


@pingan.command(
    cls=_Listing,
    help=mark("Try forecasts on the past: what lists of cells would have caught, method beside method."),
)
@_filters
@click.option(
    "--methods",
    multiple=True,
    type=_Text("M"),
    help=mark("Methods to try, one or several; all of them by default."),
)
@click.option(
    "--horizon", type=_Number(float, 0, 366), default=7.0, help=mark("Days that each list is for; 7.")
)
@click.option(
    "--coverage",
    "coverages",
    multiple=True,
    type=_Number(float, 0, 1),
    default=(0.01, 0.02, 0.05),
    help=mark("Shares of the cells to list, one or several; 0.01 0.02 0.05."),
)
@click.option(
    "--origins",
    "most_origins",
    type=_Number(int, 1, 1_000),
    default=12,
    help=mark("From how many days in the past, 28 days apart; 12 at most."),
)
@click.option(
    "--resolution", type=_Number(int, 0, 15), default=9, help=mark("Size of the cells: H3 resolution; 9.")
)
@click.option(
    "--seed",
    type=_Number(int, 0, 2**31 - 1),
    default=0,
    help=mark("Number that fixes what is drawn at random; 0."),
)
@click.option("--out", "file", type=_FILE, default="", help=mark("File: .csv or .xlsx."))
@_common
@click.pass_obj
def backtest(
    said: _Said,
    categories: Sequence[str],
    since: str,
    until: str,
    hours: str,
    weekdays: str,
    methods: Sequence[str],
    horizon: float,
    coverages: Sequence[float],
    most_origins: int,
    resolution: int,
    seed: int,
    file: str,
) -> _Answer:
    """Try methods on the past."""
    from pingan_geo.workflow.backtest import back_test, check_file, export_back_test

    asked = _filter(categories, since, until, hours, weekdays)
    with _town(said) as town:
        if file:
            check_file(Path(file))
        with _progress(said) as progress:
            found = back_test(
                town,
                asked,
                methods=methods,
                horizon_d=horizon,
                coverages=coverages,
                most_origins=most_origins,
                resolution=resolution,
                seed=seed,
                language=said.language,
                on_progress=progress,
            )
        if file:
            export_back_test(found, Path(file), language=said.language)
    return _backtest_answer(found, file, said.t)


def _backtest_answer(found: BackTest, file: str, t: Translator) -> _Answer:
    from pingan_geo.workflow.backtest import SHIFT, say_lead, say_method, say_score

    names = ("horizon_d", "coverages", "rows_in", "used", "left_out", "vague", "no_hour", "outside", "notice")
    values = {name: getattr(found, name) for name in names} | {
        "methods": found.methods,
        "origins": [str(start) for start in found.origin],
        "resolution": found.region.resolution,
        "cells": len(found.region),
        "file": file or None,
        "summary": found.summary.to_dict("records"),
        "pairs": found.pairs.to_dict("records"),
        "calibration": found.calibration.to_dict("records"),
        "inside": found.inside,
    }
    lines = [*([found.notice] if found.notice else []), *(f"{label}: {text}" for label, text in found.about)]
    for method in found.methods:
        lines += ["", method, *(f"  {line}" for line in say_score(found, method, t))]
        if lead := say_lead(found, method, t):
            lines.append(f"  {lead}")
        base = method.removesuffix(SHIFT)
        if lead := say_lead(found, method, t, baseline=base, words=lambda name: say_method(name, t)):
            lines.append(f"  {lead}")
    if file:
        lines += ["", t("{count} rows written to {file}.", count=len(found.table), file=file)]
    else:
        values["table"] = found.table.to_dict("records")
    return _Answer(values, lines)


@pingan.command(
    cls=_Listing, help=mark("Plan the rounds of a shift and write a pack of files for each team.")
)
@click.option(
    "--date",
    "day",
    type=_Text("D"),
    required=True,
    help=mark("Day on which the shift begins, like 2025-08-01."),
)
@click.option(
    "--shift",
    type=_Text("H:M-H:M"),
    required=True,
    help=mark("Hours of the shift, like 18:00-22:00; 22:00-2:00 passes midnight."),
)
@click.option(
    "--teams",
    type=_Number(int, 1, 50),
    default=None,
    help=mark("How many teams; else the town's own number."),
)
@click.option(
    "--from",
    "starts",
    multiple=True,
    type=_Text("POST"),
    help=mark(
        "Where teams start: name or number of a post, station or place, or longitude,latitude; one for all, or one for each."
    ),
)
@click.option(
    "--mode",
    type=_Choice("walk", "ebike", "car"),
    default=None,
    help=mark("How they move: walk, ebike or car; else the town's own."),
)
@click.option(
    "--category",
    "categories",
    multiple=True,
    type=_Text("C"),
    help=mark("Only this category; may be repeated."),
)
@click.option(
    "--must",
    multiple=True,
    type=_Text("PLACE"),
    help=mark("A place that must be seen: number or name of one, or longitude,latitude; may be repeated."),
)
@click.option(
    "--seed",
    type=_Number(int, 0, 2**31 - 1),
    default=None,
    help=mark("Number that fixes what is drawn at random; else the day's own."),
)
@click.option(
    "--try-forecast",
    is_flag=True,
    help=mark(
        "Try our forecast on the past first: minutes, once a month; else the best plain method is used."
    ),
)
@click.option(
    "--seconds",
    type=_Number(float, 0.1, 600),
    default=12.0,
    help=mark("Seconds to look for the best rounds; 12."),
)
@click.option("--out", "folder", type=_DIR, required=True, help=mark("Folder to write the packs into."))
@_common
@click.pass_obj
def patrol(
    said: _Said,
    day: str,
    shift: str,
    teams: int | None,
    starts: Sequence[str],
    mode: str | None,
    categories: Sequence[str],
    must: Sequence[str],
    seed: int | None,
    try_forecast: bool,
    seconds: float,
    folder: str,
) -> _Answer:
    """Plan a patrol."""
    from pingan_geo.errors import FolderMissingError
    from pingan_geo.workflow.plan_patrol import (
        PatrolRequest,
        TeamRequest,
        drop_patrol,
        plan_patrol,
        write_patrol_pack,
    )

    since, until = _shift(day, shift)
    target = Path(folder)
    if not target.is_dir() and not target.parent.is_dir():
        raise FolderMissingError(folder=target.parent, file=target.name)
    with _town(said) as town:
        count = teams or max(len(starts), 1) if starts else teams or town.settings.patrol.teams
        if len(starts) not in {0, 1, count}:
            raise BadChoiceError(
                name="--from", value=list(starts), expected=mark("given once for all teams, or once for each")
            )
        places = list(starts) * (count if len(starts) == 1 else 1) or [""] * count
        asked = PatrolRequest(
            since,
            until,
            teams=tuple(TeamRequest(start=start, mode=mode or "") for start in places),
            categories=tuple(dict.fromkeys(categories)),
            must=tuple(must),
            seed=since.toordinal() if seed is None else seed,
        )
        now = town.now(datetime.now(UTC))
        with _progress(said) as progress:
            plan = plan_patrol(
                town,
                asked,
                now=now,
                language=said.language,
                seconds=seconds,
                try_forecast=try_forecast,
                on_progress=progress,
            )
        try:
            files = write_patrol_pack(town, plan, target, language=said.language)
        except BaseException:
            drop_patrol(town, plan.patrol_id)
            raise
    return _patrol_answer(plan, files, said.t)


def _shift(day: str, shift: str) -> tuple[datetime, datetime]:
    """Return beginning and end of a shift; an end before the beginning is of the next day."""
    from datetime import timedelta

    midnight = _instant("--date", day)
    if midnight is None or midnight.time() != datetime.min.time():
        raise BadChoiceError(name="--date", value=day, expected="a date like 2025-07-31")
    found = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*[-–~]\s*(\d{1,2}):(\d\d)\s*", shift)
    parts = [int(part) for part in found.groups()] if found else [99] * 4
    minutes = [parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]]
    if max(parts[1::2]) > 59 or minutes[0] >= 1440 or minutes[1] > 1440 or minutes[0] == minutes[1]:
        raise BadChoiceError(name="--shift", value=shift, expected=mark("hours like 18:00-22:00"))
    length = (minutes[1] - minutes[0]) % 1440
    since = midnight + timedelta(minutes=minutes[0])
    return since, since + timedelta(minutes=length)


def _patrol_answer(plan: Patrol, files: Sequence[Path], t: Translator) -> _Answer:
    from pingan_geo.model.patrol import LEFT_OUT_REASONS, MODES, STOP_KINDS

    values = asdict(plan) | {"covered": plan.covered, "files": [str(file) for file in files]}
    lines = [
        t(
            "Patrol {patrol}: {title}, {since} to {until}.",
            patrol=plan.patrol_id,
            title=plan.title,
            since=plan.since,
            until=plan.until,
        ),
        t(
            "It covers {share} of the {expected} reports expected in the shift.",
            share=t.percent(plan.covered, 0),
            expected=t.number(plan.expected_all, 1),
        ),
        *plan.notes,
    ]
    if plan.synthetic:
        lines.insert(0, t("Synthetic data, not real events"))
    for route in plan.routes:
        team = route.team
        lines += [
            "",
            t(
                "{name} ({mode}), from {start}, back at {end} {at}",
                name=team.name,
                mode=t(MODES[team.mode]),
                start=team.start.name,
                end=team.end.name,
                at=f"{route.back_at:%H:%M}",
            ),
        ]
        lines += [
            f"{stop.number:>3}  {stop.arrive:%H:%M}–{stop.leave:%H:%M}  {t(STOP_KINDS[stop.kind])}  {stop.name}"
            + (f"\n     {stop.reason}" if stop.reason else "")
            for stop in route.stops
        ]
    reasons: dict[str, int] = {}
    for one in plan.left_out:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    lines += [
        "",
        t.plural("{count} place is on no round:", "{count} places are on no round:", len(plan.left_out)),
    ]
    lines += [
        "  " + t("{count}: {reason}", count=count, reason=LEFT_OUT_REASONS.get(code, code))
        for code, count in sorted(reasons.items())
    ]
    lines += [
        "  " + t("Must be seen, but is on no round: {name}", name=one.name)
        for one in plan.left_out
        if one.kind == "must" and one.reason != "removed"
    ]
    lines += [t("{count} files written to {folder}.", count=len(files), folder=str(files[0].parent.parent))]
    return _Answer(values, lines)


@pingan.command(
    "patrol-return",
    help=mark(
        "Take in what a patrol brought back: the phone's file, the text of its QR codes, or the filled list."
    ),
)
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@click.option("--dry-run", is_flag=True, help=mark("Everything but the writing."))
@_common
@click.pass_obj
def patrol_return(said: _Said, files: Sequence[str], dry_run: bool) -> _Answer:
    """Take a return in."""
    from pingan_geo.model.receipt import HOLD_REASONS
    from pingan_geo.workflow.patrol_return import held_of_return, take_return

    t = said.t
    with _town(said) as town:
        now = town.now(datetime.now(UTC))
        receipt = take_return(town, [Path(file) for file in files], now=now, dry_run=dry_run)
        held = [] if receipt.batch_id is None else held_of_return(town, receipt.batch_id).to_dict("records")
    answer = _receipt_answer("patrol", [receipt], t)
    lines = [
        t(
            "{file}: {read} rows read = {accepted} accepted + {merged} merged + {corrected} corrected"
            " + {held} held + {repeated} repeated",
            file=receipt.file,
            **{
                name: getattr(receipt, name)
                for name in ("read", "accepted", "merged", "corrected", "held", "repeated")
            },
        ),
        *("  " + t(msgid, **values) for msgid, values in receipt.notes),
        *(
            "  "
            + t(
                "Row {row} is held: {reason} ({detail}).",
                row=one["row_number"],
                reason=HOLD_REASONS.get(one["reason"], one["reason"]),
                detail=one["detail"],
            )
            for one in held
        ),
    ]
    if held:
        lines.append("  " + t("Mend these rows and give the file again; what is known is not taken twice."))
    if dry_run:
        lines.append("  " + t("This was a trial: nothing was written."))
    return _Answer({**answer.values, "return_id": receipt.batch_id, "rows": held}, lines, answer.code)


@pingan.command(help=mark("List what is incomplete or inconsistent in the town, and where."))
@click.argument("subject", metavar="[SUBJECT]", type=_Choice(*_SUBJECTS), required=False, default=None)
@_common
@click.pass_obj
def check(said: _Said, subject: str | None) -> _Answer:
    """Check the town."""
    from pingan_geo.workflow.checks import check_town

    with _town(said) as town:
        found = check_town(town, subject or "")
    t = said.t
    problems = sum(one.problem for one in found)
    listed = []
    lines = []
    for one in found:
        sentence = t(one.message, **one.values)
        listed.append(
            {
                "subject": one.subject,
                "code": one.code,
                "where": one.where,
                "lon": one.lon,
                "lat": one.lat,
                "problem": one.problem,
                "message": sentence,
                "values": dict(one.values),
            }
        )
        at = f" @ {one.lat:.5f}, {one.lon:.5f}" if one.lat == one.lat else ""
        lines.append(f"{'!' if one.problem else '·'} {one.subject}: {sentence}{at}")
    lines.append(t.plural("{count} thing to put right.", "{count} things to put right.", problems))
    values = {"subjects": [subject] if subject else list(_SUBJECTS), "problems": problems, "findings": listed}
    return _Answer(values, lines, REVIEW if problems else DONE)


@pingan.command(help=mark("Open the app of the town in a browser, until Ctrl+C."))
@click.option("--port", type=_Number(int, 1, 65_535), default=8501, help=mark("Port to listen on; 8501."))
@click.option(
    "--address", type=_Text("ADDRESS"), default="localhost", help=mark("localhost (default), or 0.0.0.0.")
)
@_common
@click.pass_obj
def serve(said: _Said, port: int, address: str) -> _Answer:
    """Run the app."""
    from pingan_geo.settings import read_settings

    settings = read_settings(said.folder)
    try:
        # By name: the app is an extra, and above the command line in the order of layers.
        from importlib import import_module

        app = import_module("pingan_geo.ui.main")
    except ModuleNotFoundError as error:
        raise AppMissingError(kind=error.name) from error
    _require_free(port, address)
    url = f"http://{'localhost' if address == '0.0.0.0' else address}:{port}"  # noqa: S104 - asked for by name

    def run() -> None:
        # what the server prints is no answer of ours
        with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(KeyboardInterrupt):
            app.serve(said.folder, port, address=address)

    line = said.t("{name} is at {url} until Ctrl+C.", name=settings.name, url=url)
    return _Answer({"town": str(said.folder), "url": url, "port": port}, [line], after=run)


def _require_free(port: int, address: str) -> None:
    import socket

    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise PortTakenError(port=port) from error


# -- parts -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _town(said: _Said) -> Iterator[Town]:
    from pingan_geo.workflow.towns import open_town

    with contextlib.closing(open_town(said.folder)) as town:
        yield town


@contextlib.contextmanager
def _progress(said: _Said) -> Iterator[OnProgress | None]:
    """Give what shows progress in one line of a terminal; nothing where there is none."""
    if not sys.stderr.isatty():
        yield None
        return
    t = said.t

    def show(step: Progress) -> None:
        part = f" {step.done / step.total:.0%}" if step.total else ""
        rows = f" {t.number(step.rows)}" if step.rows else ""
        sys.stderr.write(f"\r\x1b[K{t(step.stage)}{part}{rows}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _filter(
    categories: Sequence[str], since: str, until: str, hours: str, weekdays: str = ""
) -> ReportFilter:
    from pingan_geo.model.report import Period, ReportFilter

    period = Period(_instant("--since", since), _instant("--until", until))
    if period.since is not None and period.until is not None and period.since >= period.until:
        raise BadChoiceError(name="--until", value=until, expected="later than --since")
    return ReportFilter(
        categories=tuple(dict.fromkeys(categories)),
        period=period,
        hours=_hours(hours),
        weekdays=_weekdays(weekdays),
    )


def _instant(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is not None:
        raise BadChoiceError(name=name, value=text, expected="a date like 2025-07-31")
    return instant


def _place(text: str) -> tuple[float, float]:
    parts = text.split(",")
    with contextlib.suppress(ValueError):
        if len(parts) == 2:
            lon, lat = float(parts[0]), float(parts[1])
            if abs(lon) <= 180 and abs(lat) <= 90:
                return lon, lat
    raise BadChoiceError(name="--at", value=text, expected="longitude,latitude like 120.62,30.80")


def _cell(text: str) -> tuple[str, str]:
    heading, sign, cell = text.partition("=")
    if not sign or not heading.strip():
        raise BadChoiceError(name="--cell", value=text, expected="HEADING=TEXT")
    return heading.strip(), cell


def _hours(text: str) -> tuple[int, ...]:
    """Return the hours of ``18-23``: 18:00 to before 23:00; ``22-2`` passes midnight; ``18`` is one hour."""
    if not text:
        return ()
    found = re.fullmatch(r"(\d{1,2})(?:\s*[-–~]\s*(\d{1,2}))?", text.strip())
    start, end = (int(found[1]), int(found[2] or int(found[1]) + 1)) if found else (-1, -1)
    if not (0 <= start <= 23 and 0 <= end <= 24 and start != end):
        raise BadChoiceError(name="--hours", value=text, expected="hours like 18-23 or 22-2")
    chosen = range(start, end) if start < end else [*range(start, 24), *range(end)]
    return tuple(sorted(chosen))


def _weekdays(text: str) -> tuple[int, ...]:
    """Return the days of ``1-5`` or ``6,7``, 1 being Monday, as 0-6; ``5-1`` passes Sunday."""
    chosen: set[int] = set()
    for part in text.split(",") if text else ():
        found = re.fullmatch(r"\s*([1-7])(?:\s*[-–~]\s*([1-7]))?\s*", part)
        if not found:
            raise BadChoiceError(
                name="--weekdays", value=text, expected="days like 5, 1-5 or 6,7; 1 is Monday"
            )
        first, last = int(found[1]), int(found[2] or found[1])
        chosen |= {(first - 1 + step) % 7 for step in range((last - first) % 7 + 1)}
    return () if len(chosen) == 7 else tuple(sorted(chosen))


if __name__ == "__main__":
    sys.exit(main())
