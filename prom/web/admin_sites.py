"""The sites of a clinic, with their sums only, and a form for a new one."""

from zoneinfo import available_timezones

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import current_user
from sqlmodel import Session

from prom.domain import wording
from prom.services import opening_sites, reporting
from prom.web import context, guards

blueprint = Blueprint("admin_sites", __name__)
FIELDS = ("name", "label", "time_zone", "country", "phone", "language")


@blueprint.get("/admin/sites")
@guards.needs(guards.Permission.USERS)
def overview() -> ResponseReturnValue:
    """Show each site with its sums."""
    with context.reading() as session:
        return _page(session, {}, [])


def _page(session: Session, typed: dict[str, str], problems: list[tuple[str, str]]) -> str:
    month, mine = reporting.month_of(context.now().date()), context.my_site_ids(session)
    return render_template(
        "admin/sites.html",
        sums=[one for one in opening_sites.sums(session, month) if one.site.id in mine],
        may_add=current_user.site_id is None,
        month=month,
        typed=typed,
        problems=problems,
        errors=dict(problems),
        zones=[(zone, zone) for zone in sorted(available_timezones())],
        languages_offered=[(code, wording.language(code).name) for code in wording.LANGUAGES],
    )


@blueprint.post("/admin/sites")
@guards.needs(guards.Permission.USERS, fresh=True)
def add_site() -> ResponseReturnValue:
    """Open a new site; for who answers for all of them."""
    if current_user.site_id is not None:
        abort(403)
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        with context.writing() as session:
            site = opening_sites.open_site(session, opening_sites.NewSite(**typed), context.actor(), context.now())
            label = site.label
    except opening_sites.SiteError as error:
        with context.reading() as session:
            return _page(session, typed, error.problems), 422
    flash(_("%(label)s is open. Set its text channel next.", label=label))
    return redirect(url_for("admin_sites.overview"), 303)
