"""Check a set-up: each finding is good or says what to do."""

from datetime import datetime, timedelta

from sqlmodel import Session

from prom import clock
from prom.config import Settings
from prom.messaging.gateway import Gateway, SendError
from prom.storage import audit, channels, outbox, sites

Finding = tuple[bool, str]
STALE = timedelta(minutes=2)
LATE = timedelta(minutes=30)


def findings(session: Session, settings: Settings, gateway: Gateway, now: datetime) -> list[Finding]:
    """Return what was checked, in the order in which things depend on each other."""
    return [
        *_gateway(settings, gateway),
        _address(settings),
        _ticking(session),
        _channel(session),
        _queue(session, now),
        _audit(session),
        *_countries(session, settings),
    ]


def _gateway(settings: Settings, gateway: Gateway) -> list[Finding]:
    if settings.gateway == "simulated":
        return [(True, "simulated phones: no text leaves this machine")]
    try:
        gateway.probe()
    except SendError as error:
        return [(False, f"the provider refuses or does not answer ({type(error).__name__}): check SID and token")]
    return [(True, "the provider accepts the credentials")]


def _address(settings: Settings) -> Finding:
    if settings.public_url:
        good = settings.https or settings.gateway == "simulated"
        return good, f"public address {settings.public_url}" + ("" if good else ": use HTTPS")
    if settings.gateway == "simulated":
        return True, "no public address: fine for simulated phones"
    return (
        False,
        "PROM_PUBLIC_URL is not set: outgoing-only mode, replies and statuses are polled, links cannot be sent",
    )


def _ticking(session: Session) -> Finding:
    beat = sites.last_beat(session, "send")
    if beat is None:
        return False, "the clock has never run: start `prom clock` or `prom serve --with-clock`"
    age = clock.wall() - beat.at
    return age < STALE, f"the clock ticked {int(age.total_seconds())} s ago" + ("" if age < STALE else ": start it")


def _channel(session: Session) -> Finding:
    channel = channels.seen(session)
    if channel is not None and channel.halted_at is not None:
        return (
            False,
            f"the channel is halted (code {channel.halted_code}): check the account, it is probed every minute",
        )
    if channel is not None and channel.held_at is not None:
        return False, f"texts are on HOLD ({channel.held_reason}): run `prom release`"
    return True, "the channel is open"


def _queue(session: Session, now: datetime) -> Finding:
    oldest = outbox.oldest_due(session, now)
    if oldest is None or now - oldest < LATE:
        return True, "no due text waits long"
    return False, f"the oldest due text waits since {oldest:%d %b %H:%M} UTC: is the clock running, is the rate enough?"


def _audit(session: Session) -> Finding:
    broken = audit.verify(session)
    return broken is None, broken or "the audit trail is whole"


def _countries(session: Session, settings: Settings) -> list[Finding]:
    if not settings.live:
        return []
    found: list[Finding] = []
    for site in sites.everything(session):
        if site.country == "IN":
            words = "India needs DLT entity and template registration, and replies by text do not arrive"
            found.append(
                (not site.two_way, f"site {site.name}: {words}" + ("" if not site.two_way else ": two_way no"))
            )
        if site.country == "US":
            found.append((True, f"site {site.name}: the US needs 10DLC registration of the number"))
    return found
