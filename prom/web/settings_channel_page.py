"""The channel of a clinic: its settings, its country's checklist, closed days, what is held and how it is released."""

from datetime import date

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import countries, wording
from prom.services import backing_up, closing_days, settings_channel, settings_checklist
from prom.storage import closing
from prom.storage.models import Site
from prom.web import context, guards, settings_words
from prom.web.settings_site import blueprint, here, page, sees_all, site_here
from prom.web.settings_site import translated as _

Errors = list[tuple[str, str]]
WEEK = 7


@blueprint.get("/settings/channel")
@guards.needs(guards.Permission.SETTINGS)
def channel() -> ResponseReturnValue:
    """Show the channel of a site with all that may be set."""
    with context.reading() as session:
        return _page(session, site_here(session))


def _page(session: Session, site: Site, typed: dict[str, str] | None = None, errors: Errors | None = None) -> str:
    now = context.now()
    links = bool(context.wired().settings.public_url)
    return page(
        session,
        site,
        "settings/channel.html",
        typed=typed or _as_typed(site),
        closed=_closed(site, typed),
        errors=errors or [],
        error_of=dict(errors or []),
        standing=settings_channel.standing(session, site, now),
        warnings=settings_channel.warnings(site),
        checklist=settings_checklist.of_site(session, site, links=links),
        holidays=closing_days.coming(session, site, now),
        countries=[(code, countries.country(code).name) for code in countries.known()],
        languages=[(code, wording.language(code).name) for code in wording.LANGUAGES],
        zones=settings_channel.zones(),
        weekdays=_week(),
        all_sites=sees_all(),
        words=settings_words,
    )


def _week() -> list[tuple[int, str]]:
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    return list(enumerate(names))


def _as_typed(site: Site) -> dict[str, str]:
    price = settings_channel.amount(site.segment_price)
    return {
        "label": site.label,
        "phone": site.phone,
        "time_zone": site.time_zone,
        "country": site.country,
        "language": site.language,
        "two_way": "yes" if site.two_way else "no",
        "echo": site.echo,
        "sender": site.sender,
        "monthly_segments": "" if site.monthly_segments is None else str(site.monthly_segments),
        "segment_price": "" if price is None else f"{price.normalize():f}",
        "currency": site.currency,
    }


def _closed(site: Site, typed: dict[str, str] | None) -> frozenset[int]:
    return closing.weekdays(site.closed_weekdays if typed is None else typed.get("closed", ""))


@blueprint.post("/settings/channel")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def save_channel() -> ResponseReturnValue:
    """Store the settings of the channel."""
    days = request.form.getlist("closed_weekdays")
    try:
        chosen = settings_channel.read(request.form, days)
    except settings_channel.ChannelError as error:
        typed = {name: request.form.get(name, "") for name in _FORM} | {"closed": " ".join(days)}
        with context.reading() as session:
            return _page(session, site_here(session), typed, error.errors), 422
    with context.writing() as session:
        site = site_here(session)
        changed = settings_channel.save(session, site, chosen, context.actor(), context.now())
    flash(_("Saved.") if changed else _("Nothing was different."))
    return redirect(here("settings.channel", site), 303)


_FORM = (
    "label",
    "phone",
    "time_zone",
    "country",
    "language",
    "two_way",
    "echo",
    "sender",
    "monthly_segments",
    "segment_price",
    "currency",
)


@blueprint.post("/settings/channel/checklist")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def save_checklist() -> ResponseReturnValue:
    """Store what was confirmed of the country's checklist, or nothing of it when something is wrong."""
    links = bool(context.wired().settings.public_url)
    with context.writing() as session:
        site = site_here(session)
        errors = settings_checklist.confirm(session, site, request.form, context.actor(), context.now(), links=links)
    if errors:
        with context.reading() as session:
            return _page(session, site_here(session), None, errors), 422
    flash(_("Saved."))
    return redirect(here("settings.channel", site) + "#checklist", 303)


@blueprint.post("/settings/channel/holidays")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def add_holiday() -> ResponseReturnValue:
    """Keep a day as closed."""
    try:
        day = date.fromisoformat(request.form.get("day", "").strip())
        with context.writing() as session:
            site = site_here(session)
            name = request.form.get("name", "")
            closing_days.add_day(session, site, day, name, context.actor(), context.now())
    except ValueError as error:
        words = str(error) if isinstance(error, closing_days.ClosingError) else _("Enter a date.")
        with context.reading() as session:
            return _page(session, site_here(session), None, [("day", words)]), 422
    flash(_("Saved."))
    return redirect(here("settings.channel", site) + "#closed", 303)


@blueprint.post("/settings/channel/holidays/<day>/remove")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def remove_holiday(day: str) -> ResponseReturnValue:
    """Take a closed day away."""
    try:
        closed_on = date.fromisoformat(day)
    except ValueError:
        abort(404)
    with context.writing() as session:
        site = site_here(session)
        if not closing_days.remove_day(session, site, closed_on, context.actor(), context.now()):
            abort(404)
    return redirect(here("settings.channel", site) + "#closed", 303)


@blueprint.post("/settings/channel/balance")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def save_balance() -> ResponseReturnValue:
    """Set below which credit an alarm is raised, for the whole installation."""
    if not sees_all():
        abort(403)
    try:
        with context.writing() as session:
            site = site_here(session)
            amount = request.form.get("low_balance", "")
            settings_channel.save_low_balance(session, amount, context.actor(), context.now())
    except settings_channel.ChannelError as error:
        with context.reading() as session:
            return _page(session, site_here(session), None, error.errors), 422
    flash(_("Saved."))
    return redirect(here("settings.channel", site), 303)


@blueprint.post("/settings/channel/release")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def release_site() -> ResponseReturnValue:
    """Let a held site's texts go again."""
    with context.writing() as session:
        site = site_here(session)
        released = settings_channel.release_site(session, site, context.actor(), context.now())
    flash(_("Texts of this site go again.") if released else _("Nothing was held."))
    return redirect(here("settings.channel", site), 303)


@blueprint.post("/settings/channel/release-all")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def release_all() -> ResponseReturnValue:
    """End the HOLD of the whole channel, after the provider's list was looked up; for who answers for all sites."""
    if not sees_all():
        abort(403)
    wired = context.wired()
    try:
        # It speaks to the provider between its own transactions: none may be open here.
        flash(backing_up.release(wired.store, wired.gateway, context.now(), context.actor()))
    except backing_up.BackupError as error:
        with context.reading() as session:
            return _page(session, site_here(session), None, [("release", str(error))]), 409
    with context.reading() as session:
        return redirect(here("settings.channel", site_here(session)), 303)
