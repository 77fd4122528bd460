"""What a request narrows the cohort page to: read from the address, offered in the form, said under each figure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort, request

from prom.domain import procedures
from prom.services import comparing_filters as filtering
from prom.services.comparing_filters import Filters
from prom.storage.models import Site
from prom.web.clinician_blueprint import translated as _

BANDS = ("two", "five")
Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One request: the filters, how the curves are divided, and the values as the address carries them."""

    filters: Filters
    bands: str
    given: dict[str, str]
    site: str


def asked(sites: list[Site]) -> Choice:
    """Return what this request asks for; an unknown value is a page that does not exist."""
    given = {name: value for name in _NAMES if (value := request.args.get(name, "").strip())}
    by_name = {site.public_id: site for site in sites}
    bands, site = given.get("bands", BANDS[0]), given.get("site")
    if bands not in BANDS or (site is not None and site not in by_name):
        abort(404)
    try:
        filters = Filters(
            procedure=given.get("procedure"),
            threshold=int(given.get("threshold", "50")),
            site_id=None if site is None else by_name[site].id,
            since=_day(given.get("since")),
            until=_day(given.get("until")),
            **{name: given[name] for name in _TEXTS if name in given},
        )
    except ValueError:
        abort(404)
    return Choice(filters, bands, given, "" if site is None else by_name[site].label)


_TEXTS = ("indication", "side", "signs", "treatment", "cut_off", "reading")
_NAMES = ("procedure", "threshold", "site", "bands", "since", "until", *_TEXTS)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def options(sites: list[Site]) -> dict[str, Options]:
    """Return what the form offers, by the name of the field."""
    every = ("", _("All"))
    cut_offs = filtering.cut_offs().values()
    return {
        "procedure": [every, *((p.key, p.label) for p in procedures.PROCEDURES.values() if p.relief)],
        "threshold": [("50", _("50 % relief (waning)")), ("30", _("30 % relief (loss)"))],
        "bands": [("two", _("below and from the cut-off")), ("five", _("five bands"))],
        "cut_off": [(one.name, _("%(at)s (%(who)s)", at=one.at_least, who=one.population)) for one in cut_offs],
        "site": [every, *((site.public_id, site.label) for site in sites)] if len(sites) > 1 else [],
        **{name: [every, *words.items()] for name, words in _words().items() if name != "reading"},
        "reading": [("main", _("as defined")), *_words()["reading"].items()],
    }


def _words() -> dict[str, dict[str, str]]:
    """Return the words of every value of the plain choices."""
    return {
        "indication": {
            "osteoarthritis": _("osteoarthritis"),
            "spinal": _("spinal pain"),
            "neuropathic": _("neuropathic pain"),
            "crps": _("CRPS"),
            "other": _("other indication"),
        },
        "side": {
            "left": _("left side"),
            "right": _("right side"),
            "both": _("both sides"),
            "midline": _("midline"),
        },
        "signs": {
            "any": _("a sensitization sign at examination"),
            "beyond": _("a sign beyond the site"),
            "none": _("examined, no sign"),
        },
        "treatment": {
            "antidepressant": _("with an antidepressant"),
            "anticonvulsant": _("with an anticonvulsant"),
            "rehabilitation": _("with rehabilitation"),
            "cbt": _("with CBT"),
            "other": _("with another co-treatment"),
            "none": _("without co-treatment"),
        },
        "reading": {
            "confirmed": _("confirmed responders only"),
            "open": _("open runs of bad scores counted as losses"),
        },
    }


def in_words(choice: Choice) -> str:
    """Return what the page is narrowed to, in words that stand under every figure."""
    return ", ".join(_parts(choice)) or _("all procedures")


def _parts(choice: Choice) -> Iterator[str]:
    filters: Any = choice.filters
    if filters.procedure:
        yield procedures.procedure(filters.procedure).label
    for name, words in _words().items():
        value = getattr(filters, name)
        if value in words:
            yield words[value]
    if filters.since:
        yield _("from %(day)s", day=filters.since.isoformat())
    if filters.until:
        yield _("to %(day)s", day=filters.until.isoformat())
    if choice.site:
        yield choice.site
    if filters.cut_off != filtering.DEFAULT_CUT_OFF:
        one = filtering.cut_offs()[filters.cut_off]
        told = {"at": one.at_least, "who": one.population, "version": one.version}
        yield _("CSI cut-off %(at)s (%(who)s, version %(version)s)", **told)


def narrowed(choice: Choice) -> bool:
    """Tell whether more than procedure, threshold, site and division is chosen."""
    return not choice.filters.ready_made
