"""Check a set-up: each finding is good, to be watched or a problem, and says what to do.

The provider and our own public address are asked first, without a transaction; then the database is read once.
"""

import shutil
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from prom import clock
from prom.config import Settings
from prom.domain import countries, wording
from prom.messaging.gateway import Gateway
from prom.services import doctor_line, settings_channel, settings_checklist, wordings
from prom.services.doctor_findings import Finding, Level, good, watch, wrong
from prom.storage import audit, channels, inbound, outbox, sites, unclear
from prom.storage.models import Channel, Site
from prom.storage.session import Store

STALE = timedelta(minutes=2)
LATE = timedelta(minutes=30)
LOOKED_FOR = timedelta(hours=24)
BACKUP_EVERY, BACKUP_OLD = timedelta(hours=26), timedelta(days=7)
LITTLE_SPACE, NO_SPACE = 1_000_000_000, 200_000_000
NAMED_POINTS = 4

__all__ = ["Finding", "Level", "findings", "healthy"]


def findings(store: Store, settings: Settings, gateway: Gateway, now: datetime) -> list[Finding]:
    """Return what was checked, in the order in which things depend on each other."""
    with store.reading() as session:
        every = sites.everything(session)
        senders = sorted({site.sender for site in every if site.sender})
        replies = any(_expects_replies(site) for site in every)
    line = doctor_line.findings(settings, gateway, senders, replies=replies)
    with store.reading() as session:
        return [
            *line,
            *_ticking(session, settings),
            *_channels(session),
            _queue(session, now),
            *_unclear(session, now),
            _audit(session),
            *(finding for site in every for finding in _site(session, site, settings)),
            _space(settings),
            _backup(settings),
        ]


def healthy(found: list[Finding]) -> bool:
    """Return whether nothing found is a problem."""
    return all(finding.level is not Level.PROBLEM for finding in found)


def _expects_replies(site: Site) -> bool:
    return site.two_way and not countries.country(site.country).forbids_two_way


def _ticking(session: Session, settings: Settings) -> list[Finding]:
    start = "start `prom clock` or `prom serve --with-clock`"
    beat = sites.last_beat(session, "send")
    if beat is None:
        return [wrong("the clock has never run", start)]
    age = clock.wall() - beat.at
    words = f"the clock ticked {int(age.total_seconds())} s ago"
    found = [good(words) if age < STALE else wrong(words, start)]
    polled = sites.last_beat(session, "poll")
    if not settings.public_url and (polled is None or clock.wall() - polled.at > STALE):
        found.append(wrong("replies are not being polled", "look at the clock's log for the job poll"))
    return found


def _channels(session: Session) -> list[Finding]:
    troubled = channels.troubled(session)
    names = {channels.site_name(site.id): f"site {site.name}" for site in sites.everything(session)}
    found = [finding for row in troubled for finding in _channel(row, names.get(row.name, "the channel"))]
    return found or [good("the channel is open")]


def _channel(row: Channel, name: str) -> list[Finding]:
    found = []
    if row.halted_at is not None:
        words = f"{name} is halted since {row.halted_at:%d %b %H:%M} UTC (code {row.halted_code})"
        found.append(wrong(words, "check the provider's account; it is probed every minute and goes on by itself"))
    if row.held_at is not None:
        by = "run `prom release`" if row.name == channels.MAIN else "release it under Settings, Channel"
        found.append(wrong(f"texts of {name} are on HOLD since {row.held_at:%d %b %H:%M} UTC ({row.held_reason})", by))
    if row.balance is not None:
        amount = (
            f"{settings_channel.amount(row.balance, settings_channel.BALANCE_PARTS)} {row.balance_currency}".strip()
        )
        words = f"the credit at the provider is {amount}"
        low = channels.is_low(row)
        found.append(
            wrong(f"{words}, which is low", "top it up: no text leaves without credit") if low else good(words)
        )
    return found


def _queue(session: Session, now: datetime) -> Finding:
    oldest = outbox.oldest_due(session, now)
    if oldest is None or now - oldest < LATE:
        return good("no due text waits long")
    words = f"the oldest due text waits since {oldest:%d %b %H:%M} UTC"
    return wrong(words, "is the clock running, is the rate enough, is the channel open?")


def _unclear(session: Session, now: datetime) -> list[Finding]:
    found = []
    since = unclear.oldest(session)
    if since is None:
        found.append(good("no text has an unknown outcome"))
    else:
        words = f"texts with an unknown outcome, the oldest since {since:%d %b %H:%M} UTC"
        do = "nothing at first: they are looked up twice and sent once more at most"
        found.append(watch(words, do) if now - since < LOOKED_FOR else wrong(words, "read the tasks about them"))
    if unread := inbound.unread(session):
        found.append(watch(f"{len(unread)} texts could not be read yet", "a job tries again; look at the clock's log"))
    return found


def _audit(session: Session) -> Finding:
    broken = audit.verify(session)
    return (
        wrong(broken, "somebody changed the database; restore a backup") if broken else good("the audit trail is whole")
    )


def _site(session: Session, site: Site, settings: Settings) -> list[Finding]:
    name = f"site {site.name}"
    found = [*_reach(site, settings, name), *_registrations(session, site, settings, name)]
    if not site.phone:
        found.append(watch(f"{name}: texts name no number to call", "enter it under Settings, Channel"))
    if settings.live and not site.quiet_hours:
        found.append(wrong(f"{name}: quiet hours are off", "texts may leave at night: they are off in rehearsals"))
    if unsigned := wordings.unsigned(session, site):
        languages = ", ".join(dict.fromkeys(wording.language(item.language).name for item in unsigned))
        words = f"{name}: {len(unsigned)} emergency wordings need clinical review ({languages})"
        found.append(watch(words, "a clinician signs them under Wordings"))
    return found


def _reach(site: Site, settings: Settings, name: str) -> list[Finding]:
    """Return whether the patients of a site can answer at all."""
    if settings.gateway == "simulated":
        return []
    if site.two_way and countries.country(site.country).forbids_two_way:
        words = f"{name}: {countries.country(site.country).two_way_words}"
        return [(wrong if settings.live else watch)(words, "set replies by text to no under Settings, Channel")]
    if not settings.public_url and not _expects_replies(site):
        return [wrong(f"{name}: patients can answer neither by text nor by link", "set PROM_PUBLIC_URL")]
    return []


def _registrations(session: Session, site: Site, settings: Settings, name: str) -> list[Finding]:
    checklist = settings_checklist.of_site(session, site, links=bool(settings.public_url))
    gaps = [gap for gap in checklist.missing if gap.key != countries.TWO_WAY]
    if not gaps:
        return [good(f"{name}: the registrations for {checklist.country.name} are complete")]
    single = [_inside(gap.words) for gap in gaps if "|" not in gap.key]
    texts = len(gaps) - len(single)
    named = [*single[:NAMED_POINTS], *([f"ids of {texts} texts"] if texts else [])]
    words = f"{name}: {checklist.country.name} asks for what is not confirmed: {', '.join(named)}"
    return [(wrong if settings.live else watch)(words, "enter it under Settings, Channel, Checklist")]


def _inside(words: str) -> str:
    """Return words as they stand inside a sentence: a small first letter, unless it begins an abbreviation."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.instance).free
    words = f"{free / 1e9:.1f} GB are free on the disk"
    if free < NO_SPACE:
        return wrong(words, "make room now: nothing can be stored on a full disk")
    return watch(words, "make room") if free < LITTLE_SPACE else good(words)


def _backup(settings: Settings) -> Finding:
    if not settings.sqlite:
        return good("backups are made by pg_dump, which is not seen from here")
    made = [path.stat().st_mtime for path in (settings.instance / "backups").glob("*.backup")]
    if not made:
        return watch("there is no backup yet", "run `prom backup` every night and copy it elsewhere")
    age = clock.wall() - datetime.fromtimestamp(max(made), UTC)
    words = f"the last backup is {int(age.total_seconds() // 3600)} hours old"
    if age > BACKUP_OLD and settings.live:
        return wrong(words, "run `prom backup` every night")
    return watch(words, "run `prom backup` every night") if age > BACKUP_EVERY else good(words)
