"""What the analysis found, in plain sentences: the numbers, how sure, and what they do not say."""

from __future__ import annotations

from datetime import timedelta

from pingan_geo.i18n import Translator
from pingan_geo.stats.change import NewcomerSplit
from pingan_geo.workflow.analysis import (
    NEAR_PERMUTATIONS,
    SCAN_REPLICATIONS,
    Area,
    AreaFindings,
    Compared,
    Emerging,
    NearRepeat,
)
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEAST_REPORTS, LEVEL, say_chance, say_too_few


def say_area(area: Area, names: dict[str, str], t: Translator) -> str:
    """Return what an area is called."""
    if area.kind in {"grid", "village"}:
        listed = [names.get(code, code) for code in area.codes]
        most = 3
        more = t(" and {count} more", count=len(listed) - most) if len(listed) > most else ""
        return t(", ").join(listed[:most]) + more
    if area.kind == "circle":
        return t("circle of {metres} m", metres=area.radius_m)
    return t("drawn area with {count} corners", count=len(area.corners))


def say_rate(found: AreaFindings, t: Translator) -> str:
    """Return the rate of an area beside that of the rest of the town."""
    return t(
        "{rate} reports per km² here (95 %: {low} to {high}), {rest} in the rest of the town",
        rate=t.number(found.rate.per_km2, 1),
        low=t.number(found.rate.low, 1),
        high=t.number(found.rate.high, 1),
        rest=t.number(found.rest_rate.per_km2, 1),
    )


def say_against_rest(found: AreaFindings, t: Translator) -> str:
    """Return whether the area stands out from the rest of the town."""
    one = found.against_rest
    if one is None:
        return _untested(found, t)
    if not one.enough:
        if one.after + one.before < LEAST_REPORTS:
            return say_too_few(one.after + one.before, LEAST_REPORTS, t)
        return t(
            "No verdict, too few reports: {count} here; {least} are needed here, or expected here",
            count=one.after,
            least=LEAST_NEAR,
        )
    if not one.before:
        return t("All {count} reports of the town lie here", count=one.after)
    return _verdict(
        one,
        t("For each km² {ratio} times the rest of the town (95 %: {low} to {high}); by chance {chance}"),
        t(
            "For each km² {ratio} times the rest of the town, but that may be chance ({chance}): no difference"
        ),
        t,
    )


def say_against_earlier(found: AreaFindings, t: Translator) -> str:
    """Return whether more or fewer reports came than in the period before."""
    if found.earlier is None and not found.mixed:
        return t("No comparison: the town's reports do not reach back to the period before")
    return say_change(found.against_earlier, t) if found.against_earlier else _untested(found, t)


def say_change(one: Compared | None, t: Translator) -> str:
    """Return whether more or fewer reports came in the second of two periods of one length."""
    if one is None:
        return t("Not tested: the periods overlap, or reports and finds of patrols are mixed")
    counts = t("{after} reports, {before} in the other period", after=one.after, before=one.before)
    if not one.enough:
        verdict = t("no verdict, too few reports: {least} in both together are needed", least=2 * LEAST_NEAR)
    elif not one.before:
        verdict = t("by chance {chance}", chance=say_chance(one.p_value, t))
    else:
        verdict = _verdict(
            one,
            t("{ratio} times (95 %: {low} to {high}); by chance {chance}"),
            t("{ratio} times, but that may be chance ({chance}): no change"),
            t,
        )
    return t("{counts}: {verdict}", counts=counts, verdict=verdict)


def say_newcomers(one: NewcomerSplit, t: Translator) -> str:
    """Return how much of a change comes from people who had never reported before."""
    return say_new_and_old(
        one.after - one.after_without_reporter,
        one.after_from_newcomers,
        one.after_from_old,
        one.before - one.before_without_reporter,
        one.p_value_old,
        t,
    )


def say_new_and_old(known: int, new: int, old: int, was: int, p_old: float, t: Translator) -> str:
    """Return how many reports come from newcomers, and whether all others report more.

    Parameters
    ----------
    known, new, old
        Reports of the later period with a known sender: all, those of newcomers, those of all others.
    was
        Reports of the earlier period with a known sender.
    p_old
        Chance of ``old`` after ``was``.
    """
    if not known:
        return t("Who reported is not known, so newcomers cannot be told apart")
    said = t(
        "{new} of {known} reports with a known sender come from people who had never reported before",
        new=new,
        known=known,
    )
    if old + was >= 2 * LEAST_NEAR:
        words = {"old": old, "was": was, "chance": say_chance(p_old, t)}
        said += (
            t(
                "; all others sent {old}, {was} in the other period: more than chance explains ({chance})",
                **words,
            )
            if p_old < LEVEL
            else t(
                "; all others sent {old}, {was} in the other period: no rise beyond chance ({chance})",
                **words,
            )
        )
    return said


def say_near(found: AreaFindings, t: Translator) -> str:
    """Return whether one report here is followed by others nearby."""
    one = found.near
    if one is None:
        return _untested(found, t) if found.mixed else say_too_few(found.total, LEAST_REPORTS, t)
    words = _near_words(one, t)
    if one.p_value < LEVEL:
        said = t(
            "Within {metres} m and {days} days of a report there are {ratio} times as many pairs as by "
            "chance ({observed} for {expected}); by chance {chance}",
            **words,
        )
    else:
        said = t(
            "Within {metres} m and {days} days of a report there are no more pairs than chance brings "
            "({observed} for {expected}; {chance})",
            **words,
        )
    if len(one.alerts):
        said += t(
            "; on the map {count} places to look at first, the last until {days} days after the period",
            count=len(one.alerts),
            days=int(one.alerts["days_left"].max()),
        )
    cut = t("; of the newest {events} of {all} reports", events=one.events, all=one.of_all)
    return said + (cut if one.events < one.of_all else "")


def say_two_areas(one: Compared | None, t: Translator) -> str:
    """Return whether area A has more reports for each km² than area B."""
    if one is None:
        return t("Not tested: the areas overlap, or reports and finds of patrols are mixed")
    if not one.enough:
        return t(
            "No verdict, too few reports: {count} in both areas, {least} are needed",
            count=one.before + one.after,
            least=2 * LEAST_NEAR,
        )
    if not one.before:
        return t(
            "A has {after} reports, B none; by chance {chance}",
            after=one.after,
            chance=say_chance(one.p_value, t),
        )
    return _verdict(
        one,
        t("For each km² A has {ratio} times the reports of B (95 %: {low} to {high}); by chance {chance}"),
        t(
            "For each km² A has {ratio} times the reports of B, but that may be chance ({chance}): no difference"
        ),
        t,
    )


def say_emerging(one: Emerging, t: Translator) -> str:
    """Return the cluster of the last weeks that still lasts, or that there is none."""
    if one.total < LEAST_REPORTS:
        return say_too_few(one.total, LEAST_REPORTS, t)
    if one.found and one.observed < LEAST_NEAR:
        return t(
            "No verdict, too few reports: the strongest cluster has {count}, {least} are needed",
            count=one.observed,
            least=LEAST_NEAR,
        )
    if not one.found:
        return t("No cluster that still lasts was found among {count} reports.", count=one.total)
    words = {
        "place": one.place or t("outside all villages"),
        "since": one.since.date(),
        "until": (one.until - timedelta(days=1)).date(),
        "metres": round(one.radius_m),
        "observed": one.observed,
        "expected": t.number(one.expected, 1),
        "ratio": t.number(one.ratio, 1),
        "chance": say_chance(one.p_value, t),
    }
    if one.stands_out:
        return t(
            "{place}, within {metres} m, {since} to {until}: {observed} reports where {expected} were "
            "expected, {ratio} times; by chance {chance} (all places and days counted in)",
            **words,
        )
    return t(
        "No cluster: the strongest one ({place}, {since} to {until}: {observed} for {expected}) may be chance "
        "({chance})",
        **words,
    )


def say_limits(t: Translator) -> list[str]:
    """Return what the numbers do not say, and how they came about."""
    return [
        t("An area drawn because the map is dark there stands out more often than chance says."),
        t("Fields count as km² like houses, and where more people look, more is reported."),
        t(
            "Rates and changes: exact tests of counts, not corrected for how many areas were tried. No verdict "
            "under {all} reports in the town, {least} in the area, {both} in two periods or areas together.",
            all=LEAST_REPORTS,
            least=LEAST_NEAR,
            both=2 * LEAST_NEAR,
        ),
        t(
            "Pairs nearby: the days are dealt out anew {count} times. Clusters: {scan} random data sets.",
            count=NEAR_PERMUTATIONS,
            scan=SCAN_REPLICATIONS,
        ),
    ]


def _verdict(one: Compared, clear: str, unclear: str, t: Translator) -> str:
    """Fill one of two translated sentences, whichever the test says."""
    return (clear if one.p_value < LEVEL else unclear).format(
        ratio=t.number(one.ratio, 2 if one.ratio < 1 else 1),
        low=t.number(one.low, 2 if one.low < 1 else 1),
        high=t.number(one.high, 2 if one.high < 1 else 1),
        chance=say_chance(one.p_value, t),
    )


def _near_words(one: NearRepeat, t: Translator) -> dict[str, object]:
    return {
        "metres": round(one.metres),
        "days": one.days,
        "ratio": t.number(one.ratio, 1),
        "observed": one.observed,
        "expected": t.number(one.expected, 1),
        "chance": say_chance(one.p_value, t),
    }


def _untested(found: AreaFindings, t: Translator) -> str:
    if found.mixed:
        return t("Not tested: reports and finds of patrols are mixed. Choose one origin in the filters")
    return t("Not tested: the area is the whole town")
