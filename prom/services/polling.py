"""Fetch what webhooks did not bring: the provider's list of received texts, and texts of ours still unread.

A webhook that failed is never sent again by the provider, and a clinic without a public address gets none at all.
"""

from datetime import datetime, timedelta

from prom.messaging.gateway import Gateway
from prom.services import receiving
from prom.storage import inbound
from prom.storage.session import Store

LOOKED_BACK = timedelta(hours=48)


def fetch(store: Store, gateway: Gateway, now: datetime) -> int:
    """Take in the texts of the last 48 hours that never reached us, and return how many there were."""
    listed = gateway.received_since(now - LOOKED_BACK)
    with store.reading() as session:
        missing = [one for one in listed if inbound.by_sid(session, one.sid) is None]
    for one in missing:
        with store.writing() as session:
            receiving.receive(session, one, now)
    return len(missing)


def read_again(store: Store, now: datetime) -> int:
    """Try to understand texts whose reading failed, and return how many are understood now."""
    with store.reading() as session:
        if not inbound.unread(session, 1):
            return 0
    with store.writing() as session:
        return receiving.retry_unread(session, now)
