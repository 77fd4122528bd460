"""Enrol a patient in three steps and a summary; every step works without scripts and keeps what was typed."""

from dataclasses import replace

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import consent, instruments, wording
from prom.services import consenting_texts, enrolling, enrolling_checks, enrolments, previewing
from prom.services.enrolments import EnrolmentError, Problem
from prom.services.previewing import Coming, Foreseen
from prom.storage import episodes, patients
from prom.storage.models import Purpose, Site
from prom.web import (
    context,
    coordinator_choices,
    coordinator_enrol_checks,
    coordinator_forms,
    coordinator_states,
    guards,
)
from prom.web import coordinator_enrol_form as form
from prom.web.coordinator_blueprint import Errors, blueprint
from prom.web.coordinator_blueprint import translated as _
from prom.web.coordinator_enrol_form import Typed

SUMMARY = 4


@blueprint.get("/enrol")
@guards.needs(guards.Permission.ENROL)
def enrol() -> ResponseReturnValue:
    """Show the first step of an empty enrolment."""
    with context.reading() as session:
        sites = context.my_sites(session)
        if not sites:
            abort(404)
        today = coordinator_forms.local_input(context.now(), sites[0].time_zone)[:10]
        typed = Typed({"language": sites[0].language, "time_zone": sites[0].time_zone, "consent_on": today})
        if request.args.get("patient"):
            coordinator_enrol_checks.fill(session, typed, request.args["patient"])
        return _page(session, typed, 1)


@blueprint.post("/enrol")
@guards.needs(guards.Permission.ENROL)
def enrol_step() -> ResponseReturnValue:
    """Check a step and go on, go back, or enrol."""
    step, go = request.form.get("step", "1"), request.form.get("go", "next")
    if step not in {"1", "2", "3", "4"} or go not in {"next", "show", "check", "test", "enrol", "1", "2", "3"}:
        abort(400)
    typed = Typed.from_form(request.form)
    if go == "enrol":
        return _enrolled(typed)
    if go in {"check", "test"}:
        return _phone_looked_at(typed, go)
    with context.reading() as session:
        if go in {"1", "2", "3"}:
            return _page(session, typed, int(go))
        wrong = _wrong(session, typed, int(step))
        if wrong:
            return _page(session, typed, int(step), wrong), 422
        return _page(session, typed, int(step) + (go == "next"))


def _phone_looked_at(typed: Typed, go: str) -> ResponseReturnValue:
    """Say what is known about the phone; with `test`, queue one text to it."""
    errors: Errors = []
    if go == "test":
        with context.writing() as session:
            errors = coordinator_enrol_checks.test(session, typed, _site(session, typed))
    with context.reading() as session:
        found = enrolling_checks.phone(typed.get("phone"), _site(session, typed))
        errors = errors or ([("phone", found.problem)] if found.problem else [])
        return _page(session, typed, 1, errors, phone=found), 422 if errors else 200


def _site(session: Session, typed: Typed) -> Site:
    """Return the site of the enrolment: one of mine, the first unless another is chosen."""
    sites = [site for site in context.my_sites(session) if typed.get("site") in {"", site.public_id}]
    return sites[0] if sites else abort(404)


def _wrong(session: Session, typed: Typed, step: int) -> Errors:
    """Return what is wrong with a step; what belongs to other steps is said there."""
    site, now = _site(session, typed), context.now()
    found = form.missing(typed, step)
    read = form.read(typed, site, now)
    found += read.problems
    try:
        if step == 1:
            enrolments.check(_with_any_procedure(read.enrolment), site, now)
        else:
            enrolling.preview(session, read.enrolment, now)
    except EnrolmentError as error:
        found += error.problems
    return _once(form.errors(found, form.STEPS[step]))


def _with_any_procedure(given: enrolments.Enrolment) -> enrolments.Enrolment:
    """Return an enrolment whose procedure does not stand in the way of looking at the person alone."""
    return replace(given, procedure="genicular_rfa", baseline_nrs=None, baseline_at=None, csi_items=None)


def _once(errors: Errors) -> Errors:
    """Return one error a field, the first, in the order of the form."""
    first = dict(reversed(errors))
    order = [name for names in form.STEPS.values() for name in names]
    return sorted(first.items(), key=lambda error: order.index(error[0]) if error[0] in order else -1)


def _page(
    session: Session,
    typed: Typed,
    step: int,
    errors: Errors | None = None,
    phone: enrolling_checks.Phone | None = None,
) -> str:
    site, now = _site(session, typed), context.now()
    known = patients.by_record(session, site.id, typed.get("record_number")) if typed.get("record_number") else None
    warnings: list[str] = []
    if step == SUMMARY:
        warnings, errors = _warnings(session, typed, errors)
    return render_template(
        "coordinator/enrol.html",
        typed=typed,
        step=step,
        errors=errors or [],
        wrong=dict(errors or []),
        labels=form.labels(),
        choices=coordinator_choices,
        states=coordinator_states,
        site=site,
        sites=context.my_sites(session),
        known=patients.name(session, known) or typed.get("record_number") if known is not None else "",
        known_url=url_for("coordinator.schedule", public_id=known.public_id) if known is not None else "",
        topics=instruments.CSI_TOPICS,
        csi=form.csi_sum(typed),
        documents=_documents(session, site, typed) if step == 1 else [],
        zone=typed.get("time_zone") or site.time_zone,
        now=now,
        section="coordinator.todo",
        warnings=warnings,
        phone=phone if phone is not None and not phone.problem else None,
        country=coordinator_enrol_checks.country,
        test=coordinator_enrol_checks.test_state(session, typed, site),
        duplicates=coordinator_enrol_checks.duplicates(session, form.read(typed, site, now).enrolment, site, step),
        consent_version=_versions(session, site, typed)[Purpose.TEXTING],
        by_themselves=not typed.get("baseline_nrs") and typed.csi() is None,
        foreseen=_foreseen(session, typed, site) if step in {2, SUMMARY} else None,
    )


def _documents(session: Session, site: Site, typed: Typed) -> list[consent.Document]:
    """Return what the patient agrees to, in their language and in the version the site uses now."""
    language = typed.get("language") if typed.get("language") in wording.LANGUAGES else site.language
    return [
        consenting_texts.current(session, site, purpose, language) for purpose in (Purpose.TEXTING, Purpose.DATA_USE)
    ]


def _versions(session: Session, site: Site, typed: Typed) -> dict[Purpose, str]:
    texting, data_use = _documents(session, site, typed)
    return {Purpose.TEXTING: texting.version, Purpose.DATA_USE: data_use.version}


def _foreseen(session: Session, typed: Typed, site: Site) -> Foreseen | None:
    """Return the plan on the calendar as soon as procedure and date are known."""
    now = context.now()
    read = form.read(typed, site, now)
    if not typed.get("procedure_at") or not typed.get("procedure"):
        return None
    try:
        at = enrolments.check(read.enrolment, site, now).procedure_at
    except EnrolmentError:
        # What is wrong is said at its field; a plan is shown once it is mended.
        return None
    given = read.enrolment
    coming = Coming(given.procedure, at, given.time_zone, given.target, given.side)
    return previewing.foresee(session, site, coming, context.wired().settings.public_url, now)


def _warnings(session: Session, typed: Typed, errors: Errors | None) -> tuple[list[str], Errors]:
    """Return what is to be looked at before enrolling, and what still stands in the way."""
    site, now = _site(session, typed), context.now()
    read = form.read(typed, site, now)
    problems = [*read.problems, *(problem for step in (1, 2) for problem in form.missing(typed, step))]
    warnings: tuple[Problem, ...] = ()
    try:
        warnings = enrolling.preview(session, read.enrolment, now)
    except EnrolmentError as error:
        problems += error.problems
    told = [form.sentence(place, words) for place, words in ((one.field, one.sentence) for one in warnings)]
    return told, errors or _once(form.errors(problems))


def _enrolled(typed: Typed) -> ResponseReturnValue:
    """Store the enrolment and open the patient's schedule, or show the summary with what is wrong."""
    try:
        with context.writing() as session:
            address = _stored(session, typed)
    except EnrolmentError as error:
        with context.reading() as session:
            return _page(session, typed, SUMMARY, _once(form.errors(error.problems))), 422
    return redirect(address, 303)


def _stored(session: Session, typed: Typed) -> str:
    """Store the enrolment and return the address of the new schedule, or raise EnrolmentError."""
    site, now = _site(session, typed), context.now()
    read = form.read(typed, site, now, _versions(session, site, typed))
    problems = [*read.problems, *form.missing(typed, 1), *form.missing(typed, 2)]
    if problems:
        raise EnrolmentError(problems)
    episode = enrolling.enrol(session, read.enrolment, context.actor(), now)
    patient = episodes.patient_of(session, episode)
    if coordinator_enrol_checks.baseline_waits(typed, episode):
        flash(_("Enrolled. Now the questions before the procedure."))
        return url_for("baseline.page", public_id=patient.public_id, episode_id=episode.public_id)
    flash(_("Enrolled. This is the schedule."))
    return url_for("coordinator.schedule", public_id=patient.public_id, episode=episode.public_id)
