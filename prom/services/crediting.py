"""The credit at the provider: seen once an hour, and an alarm before texts stop for want of it."""

from datetime import datetime

from sqlmodel import Session

from prom.messaging.gateway import Balance, Gateway, SendError
from prom.storage import audit, channels, sites, tasks, warning_tasks
from prom.storage.models import TaskKind
from prom.storage.session import Store

LOW = "low_balance"


def look(store: Store, gateway: Gateway, now: datetime) -> Balance | None:
    """Note the provider's balance, and open or close the alarm; None when it is not told now."""
    try:
        seen = gateway.balance()
    except SendError:
        # What was seen last stays, with its time.
        return None
    if seen is not None:
        with store.writing() as session:
            _note(session, seen, now)
    return seen


def _note(session: Session, seen: Balance, now: datetime) -> None:
    channel = channels.main(session)
    channel.balance, channel.balance_currency, channel.balance_at = seen.hundredths, seen.currency[:3], now
    session.add(channel)
    session.flush()
    if not channels.is_low(channel):
        warning_tasks.close(session, f"{LOW}|", outcome="the credit is enough again", now=now)
        return
    opened = [
        tasks.open_task(
            session,
            site_id=site.id,
            kind=TaskKind.FIX,
            reason=LOW,
            dedupe_key=f"{LOW}|{site.id}|{now:%Y-%m-%d}",
            urgent=True,
            now=now,
        )
        for site in sites.everything(session)
    ]
    if any(opened):
        audit.record(session, audit.CLOCK, "low balance", channel, now)
