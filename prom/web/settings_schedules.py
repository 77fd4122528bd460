"""Plans of questions: what each procedure asks and when, a table to edit, twelve months rehearsed, versions.

A saved version is never changed and holds for new procedures only; those that run are moved by an act of its own, after
a look at what it does to them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from sqlmodel import Session

from prom.domain import procedures, timetable, wording
from prom.services import plan_editing, plan_moving, plan_rehearsing
from prom.services.plan_editing import Line
from prom.services.plan_rehearsing import MOST_A_MONTH, Example, Rehearsal
from prom.storage import plans
from prom.storage.models import Plan, Site
from prom.web import context, coordinator_forms, coordinator_states, guards
from prom.web.settings_site import blueprint, page, site_here
from prom.web.settings_site import translated as _

EMPTY_LINES = 3
EXAMPLE_DAYS_AHEAD = 14
Errors = list[tuple[str, str]]


@blueprint.get("/settings/schedules")
@guards.needs(guards.Permission.SETTINGS)
def schedules() -> ResponseReturnValue:
    """Show the plan of each procedure that is in use, and the older versions that procedures still follow."""
    with context.reading() as session:
        site = site_here(session)
        rows = plans.versions(session, site.id)
        used = {key: plan_editing.in_use(session, site, key) for key in procedures.PROCEDURES}
        newest = {row.id for _plan, row in used.values() if row is not None}
        shipped = {row.procedure for row, _count in rows if row.site_id is None}
        return page(
            session,
            site,
            "settings/schedules.html",
            used=used,
            counts=_counts(rows, used),
            older=[(row, count) for row, count in rows if row.id not in newest and not _stands(row, used)],
            shipped=shipped,
        )


def _stands(row: Plan, used: Mapping[str, tuple[procedures.Plan, Plan | None]]) -> bool:
    """Tell whether a shipped plan is the one in use."""
    plan, own = used[row.procedure]
    return row.site_id is None and own is None and row.version == plan.version


def _counts(rows: list[tuple[Plan, int]], used: Mapping[str, tuple[procedures.Plan, Plan | None]]) -> dict[str, int]:
    """Return how many procedures follow the plan in use of each kind."""
    found = dict.fromkeys(used, 0)
    for row, count in rows:
        own = used[row.procedure][1]
        if _stands(row, used) or (own is not None and own.id == row.id):
            found[row.procedure] += count
    return found


@blueprint.get("/settings/schedules/<procedure>")
@guards.needs(guards.Permission.SETTINGS)
def schedule(procedure: str) -> ResponseReturnValue:
    """Show the plan in use as a table to edit, and twelve months of it."""
    if procedure not in procedures.PROCEDURES:
        abort(404)
    with context.reading() as session:
        site = site_here(session)
        plan, _row = plan_editing.in_use(session, site, procedure)
        return _editor(session, site, procedure, plan_editing.lines(plan), rehearsed=True)


@blueprint.post("/settings/schedules/<procedure>")
@guards.needs(guards.Permission.SETTINGS)
def edit(procedure: str) -> ResponseReturnValue:
    """Check what was typed and rehearse it; with the second button, save it as a new version."""
    if procedure not in procedures.PROCEDURES:
        abort(404)
    typed = _typed()
    try:
        if request.form.get("go") == "save":
            if (again := guards.password_again()) is not None:
                return again
            with context.writing() as session:
                site = site_here(session)
                row = plan_editing.save(session, site, procedure, typed, context.actor(), context.now())
                there = url_for("settings.plan_version", public_id=row.public_id, site=site.public_id)
            flash(_("Saved: new procedures start with it. Those that run keep theirs."))
            return redirect(there, 303)
        with context.reading() as session:
            return _editor(session, site_here(session), procedure, typed, rehearsed=True)
    except plan_editing.EditError as error:
        with context.reading() as session:
            return _editor(session, site_here(session), procedure, typed, error.problems), 422


def _typed() -> list[Line]:
    """Return the lines of the table as they were typed."""
    form = request.form
    count = form.get("lines", "0")
    number = min(int(count[:6]), plan_editing.MOST_POINTS + EMPTY_LINES) if count.isascii() and count.isdigit() else 0
    return [
        Line(
            unit=form.get(f"unit_{n}", "days"),
            at=form.get(f"at_{n}", "")[:8],
            impression=form.get(f"impression_{n}") == "y",
            csi=form.get(f"csi_{n}") == "y",
            safety=form.get(f"safety_{n}") == "y",
            first=form.get(f"first_{n}", "")[:8],
            last=form.get(f"last_{n}", "")[:8],
        )
        for n in range(number)
    ]


def _editor(
    session: Session,
    site: Site,
    procedure: str,
    typed: list[Line],
    errors: Errors | None = None,
    *,
    rehearsed: bool = False,
) -> str:
    standing, row = plan_editing.in_use(session, site, procedure)
    errors = list(errors or [])
    checked = plan_editing.check(procedure, typed) if rehearsed else None
    example = _example(site, errors)
    rehearsal: Rehearsal | None = None
    if checked is not None and example is not None:
        public_url = context.wired().settings.public_url
        rehearsal = plan_rehearsing.rehearse(session, site, checked.plan, example, public_url)
    filled = [line for line in typed if line.at.strip()]
    return page(
        session,
        site,
        "settings/schedule.html",
        procedure=procedure,
        standing=standing,
        own=row,
        lines=[*filled, *(Line() for _each in range(EMPTY_LINES))],
        rules=[_by_rule(line) for line in filled],
        checked=checked,
        changed=checked is not None and checked.plan.time_points != standing.time_points,
        rehearsal=rehearsal,
        example=example,
        errors=errors,
        wrong=dict(errors),
        typed=request.form,
        languages=[(code, wording.language(code).name) for code in wording.LANGUAGES],
        states=coordinator_states,
        at_input=coordinator_forms.local_input,
        most=MOST_A_MONTH,
    )


def _by_rule(line: Line) -> tuple[str, str]:
    """Return the window that the general rule gives a line, or nothing for a line that has none."""
    if line.unit != "days" or not (line.at.isascii() and line.at.isdigit()) or not 0 < int(line.at) < 10_000:
        return "", ""
    first, last = procedures.day_window(int(line.at))
    return str(first), str(last)


def _example(site: Site, errors: Errors) -> Example | None:
    """Return the example to rehearse, as typed or a patient two weeks ahead at 10:00."""
    form, now = request.form, context.now()
    try:
        if form.get("example_at"):
            at = coordinator_forms.instant(form["example_at"], site.time_zone)
        else:
            day = timetable.local(now, site.time_zone).date() + timedelta(days=EXAMPLE_DAYS_AHEAD)
            at = timetable.instant_of(datetime.combine(day, datetime.min.time().replace(hour=10)), site.time_zone)
    except coordinator_forms.FormError as error:
        errors.append(("example_at", str(error)))
        return None
    count = form.get("a_month", "20").strip()
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:6]) <= MOST_A_MONTH):
        errors.append(("a_month", _("Enter a whole number from 1 to %(most)s.", most=MOST_A_MONTH)))
        return None
    language = form.get("language") or site.language
    return Example(at, site.time_zone, wording.known_language(language), int(count))


@blueprint.get("/settings/schedules/versions/<public_id>")
@guards.needs(guards.Permission.SETTINGS)
def plan_version(public_id: str) -> ResponseReturnValue:
    """Show a version of a plan, and what moving the running procedures to it would do."""
    with context.reading() as session:
        site = site_here(session)
        row = _version(session, public_id, site)
        return page(
            session,
            site,
            "settings/schedule_version.html",
            row=row,
            plan=plans.plan(row),
            preview=plan_moving.preview(session, row, context.now()),
            states=coordinator_states,
        )


def _version(session: Session, public_id: str, site: Site) -> Plan:
    row = plans.by_public_id(session, public_id, site.id)
    if row is None:
        abort(404)
    return row


@blueprint.post("/settings/schedules/versions/<public_id>/move")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def move_running(public_id: str) -> ResponseReturnValue:
    """Move the running procedures of the site to a version."""
    with context.writing() as session:
        site = site_here(session)
        row = _version(session, public_id, site)
        moved = plan_moving.move(session, row, context.actor(), context.now())
        there = url_for("settings.plan_version", public_id=public_id, site=site.public_id)
    flash(
        ngettext(
            "%(num)s running procedure follows this version now.", "%(num)s running procedures follow it now.", moved
        )
    )
    return redirect(there, 303)
