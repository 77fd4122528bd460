"""The month's report on one page, to read and to print."""

from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from prom.domain import wording
from prom.services import reporting
from prom.storage.reports import CONFIRMATION, Replies
from prom.web import context, filters, guards
from prom.web.coordinator_states import time_point, why_not

blueprint = Blueprint("reports", __name__)
MONTHS_OFFERED = 13


@blueprint.get("/reports")
@guards.needs(guards.Permission.COHORT)
def month() -> ResponseReturnValue:
    """Show one month of the sites the reader may see, this month unless another is chosen."""
    today = context.now().date()
    with context.reading() as session:
        mine = context.my_sites(session)
        named = request.args.get("site", "")
        chosen = [site for site in mine if named in {"", site.name}]
        if not chosen:
            abort(404)
        shown = _month(request.args.get("month", "")) or reporting.month_of(today)
        seen = reporting.report(session, chosen, shown, context.now())
        return render_template(
            "reports/month.html",
            seen=seen,
            months_options=[(f"{one:%Y-%m}", f"{one:%B %Y}") for one in _months(today)],
            sites=mine,
            site_options=[("", _("all sites")), *((site.name, site.label) for site in mine)],
            site=named,
            titles=_titles(),
            label=_label,
            why_not=why_not,
            states=_states(),
            languages={code: wording.language(code).name for code in wording.LANGUAGES},
        )


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def _months(today: date) -> list[date]:
    months = [reporting.month_of(today)]
    while len(months) < MONTHS_OFFERED:
        months.append(reporting.month_of(months[-1] - timedelta(days=1)))
    return months


def _titles() -> dict[str, str]:
    return {
        "time_point": _("By time point"),
        "procedure": _("By procedure"),
        "language": _("By language"),
        "age": _("By age"),
        "csi": _("By CSI before the procedure"),
        "site": _("By site"),
    }


def _label(by: str, one: Replies) -> str:
    """Return what a row of a table is about."""
    match by:
        case "time_point":
            return _("confirmation of a bad score") if one.key == CONFIRMATION else time_point(one.key)
        case "procedure":
            return str(filters.procedure_label(one.key))
        case "language":
            return wording.language(one.key).name
        case "age":
            return str(_ages().get(one.key, _("age not known")))
        case "csi":
            return _bands()[one.key]
    return one.key


def _ages() -> dict[str, str]:
    return {
        "under_40": _("under 40"),
        "40_59": _("40 to 59"),
        "60_74": _("60 to 74"),
        "75_or_more": _("75 or older"),
    }


def _bands() -> dict[str, str]:
    return {
        "below_40": _("CSI below 40"),
        "40_or_more": _("CSI 40 or more"),
        "unknown": _("CSI not certain or not asked"),
    }


def _states() -> dict[str, str]:
    return {
        "expired": _("too late"),
        "suppressed": _("held back"),
        "failed": _("refused by the provider"),
        "undelivered": _("not delivered"),
    }
