"""What rates say and do not say, in words: the mean, who is beyond chance, how concentrated reports are."""

from __future__ import annotations

from collections.abc import Mapping

from pingan_geo.i18n import Translator, mark
from pingan_geo.workflow.rates import UNTESTED, RateTable
from pingan_geo.workflow.verdicts import LEAST_REPORTS

#: Code of a unit to the msgid of many of it.
NAMES: Mapping[str, str] = {
    "village": mark("villages"),
    "grid": mark("grids"),
    "estate": mark("estates"),
    "cell": mark("hexagons"),
}
#: Code of an exposure to the msgid of many of it.
EXPOSED: Mapping[str, str] = {
    "household": mark("households"),
    "reporter": mark("active reporters"),
    "km2": mark("km²"),
    "find": mark("finds of patrols"),
}
_RATES: Mapping[str, str] = {
    "household": mark("{rate} reports per 100 households"),
    "reporter": mark("{rate} reports per active reporter"),
    "km2": mark("{rate} reports per km²"),
    "find": mark("{rate} reports per find of a patrol"),
}
_NAMED = 3


def say_rate(rate: float, per: str, t: Translator) -> str:
    """Return a rate, already for the scale of ``per``, with what it is per."""
    return t(_RATES[per], rate=t.number(rate, 2 if rate < 10 else 1))


def say_rates(found: RateTable, t: Translator) -> list[str]:
    """Return what the rates say and do not say, one sentence each: the mean, the test, what is not known."""
    unit = NAMES[found.by]
    said = [t("All {unit} together: {rate}", unit=t(unit), rate=say_rate(found.mean, found.per, t))]
    if found.untested:
        said.append(t(UNTESTED[found.untested], count=found.in_units - found.unrated, least=LEAST_REPORTS))
    else:
        said += _say_outside(found, t)
    if found.per == "find":
        said.append(
            t(
                "Visits of patrols are not recorded; finds stand for them, and a visit without a find is missing"
            )
        )
    if found.per == "reporter":
        said.append(
            t("One person's reports hang together: the intervals of rates per reporter are too narrow")
        )
    held = found.table["count"]
    words = {"unit": t(unit), "exposure": t(EXPOSED[found.per])}
    if found.unknown:
        said.append(
            t(
                "Of {count} {unit} it is not known how many {exposure} they have; they have no rate, and "
                "{reports} reports lie there",
                **words,
                count=found.unknown,
                reports=int(held[found.table["exposure"].isna()].sum()),
            )
        )
    if found.without:
        said.append(
            t(
                "{count} {unit} have no {exposure} and so no rate; {reports} reports lie there",
                **words,
                count=found.without,
                reports=int(held[found.table["exposure"] == 0].sum()),
            )
        )
    return said


def _say_outside(found: RateTable, t: Translator) -> list[str]:
    unit, tested = t(NAMES[found.by]), found.tested
    above, below = (len(found.outside("outside", side)) for side in ("above", "below"))
    if not above + below:
        return [
            t(
                "None of {tested} {unit} differs from the rate of all by more than chance brings (95 %, corrected)",
                tested=tested,
                unit=unit,
            )
        ]
    said = [
        t(
            "{count} of {tested} {unit} differ from the rate of all by more than chance brings (95 %, corrected): "
            "{above} above, {below} below",
            count=above + below,
            tested=tested,
            unit=unit,
            above=above,
            below=below,
        )
    ]
    beyond = [found.outside("unusual", side) for side in ("above", "below")]
    if 2 * (above + below) > tested:
        said.append(
            t(
                "That is the rule here and not the exception: they are of different kinds, and so are their rates"
            )
        )
        if not len(beyond[0]) + len(beyond[1]):
            said.append(t("None lies beyond the usual differences between them (95 %, corrected)"))
            return said
        named, words = beyond, t("Beyond the usual differences between them (95 %, corrected): {listed}")
    else:
        named, words = [found.outside("outside", side) for side in ("above", "below")], "{listed}"
    # Ordered by rate: of those below, the lowest come last.
    told = [named[0].head(_NAMED), named[1].iloc[::-1].head(_NAMED)]
    listed = [
        t(
            "{name} {ratio} times the rate of all",
            name=row.name,
            ratio=t.number(row.ratio, 2 if row.ratio < 1 else 1),
        )
        for rows in told
        for row in rows[["name", "ratio"]].itertuples(index=False, name="Row")
    ]
    return [*said, words.format(listed=t("; ").join(listed))]


def say_line(found: RateTable, t: Translator) -> list[str]:
    """Return how concentrated the reports are, and how concentrated chance alone would have them."""
    line, unit = found.line, t(NAMES[found.by])
    words = {
        "top": line.top_units,
        "units": line.units,
        "unit": unit,
        "share": t.percent(line.top_units / line.units, 0),
        "held": t.percent(line.top_held, 0),
        "scattered": t.percent(line.top_scattered, 0),
        "low": t.percent(line.top_low, 0),
        "high": t.percent(line.top_high, 0),
    }
    said = [
        t(
            "The {top} {unit} with most reports ({share} of {units}) have {held} of the reports; 80% lie in {most}",
            **words,
            most=found.most,
        )
    ]
    over = mark("households") if found.per == "household" else mark("the area")
    words["over"] = t(over) if found.weighted else unit
    if line.top_held > line.top_high:
        said.append(
            t(
                "Scattered at random over {over} it would be {scattered} ({low} to {high}): more concentrated than that",
                **words,
            )
        )
    else:
        said.append(
            t(
                "Scattered at random over {over} it would be {scattered} too ({low} to {high}): no more "
                "concentrated than chance brings",
                **words,
            )
        )
    return said


def say_totals(found: RateTable, t: Translator) -> str:
    """Return where all reports that fit are counted."""
    words = {
        "inside": found.in_units,
        "unit": t(NAMES[found.by]),
        "none": found.in_none,
        "total": found.total,
    }
    if found.per == "reporter":
        return t(
            "in {unit} {inside} + in none {none} + without a known sender {sender} = {total}",
            **words,
            sender=found.without_sender,
        )
    return t("in {unit} {inside} + in none {none} = {total}", **words)


def about_rates(
    found: RateTable, town_name: str, asked: list[tuple[str, str]], t: Translator
) -> tuple[tuple[str, str], ...]:
    """Return (label, text) pairs: what was asked, the totals, and every sentence.

    Parameters
    ----------
    town_name
        In the reader's language.
    asked
        Of :func:`pingan_geo.workflow.said.say_filter`.
    """
    return (
        (t("Town"), town_name),
        *asked,
        (t("Reports"), say_totals(found, t)),
        *((t("Rates"), sentence) for sentence in say_rates(found, t)),
        *((t("Concentration"), sentence) for sentence in say_line(found, t)),
        *((t("Not meant"), sentence) for sentence in say_limits(t)),
    )


def say_limits(t: Translator) -> list[str]:
    """Return what no rate says."""
    return [
        t(
            "A rate follows where people look and report; a low one does not mean safe, a high one not dangerous"
        ),
        t(
            "One event that brings several reports counts several times, and falls outside the limits more often"
        ),
        t("Smoothed rates draw units with little exposure towards the rate of all; they are not measured"),
    ]
