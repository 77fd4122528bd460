"""Fetch what webhooks did not bring: the provider's list of received texts, and texts of ours still unread.

A webhook that failed is never sent again by the provider, and a clinic without a public address gets none at all.
"""

from datetime import datetime, timedelta

from prom.messaging.gateway import Gateway
from prom.services import receiving
from prom.storage import channels, inbound
from prom.storage.session import Store

LOOKED_BACK = timedelta(hours=48)


def fetch(store: Store, gateway: Gateway, now: datetime, *, links_work: bool) -> int:
    """Take in the texts of the last 48 hours that never reached us, and return how many there were."""
    with store.reading() as session:
        senders = channels.own_senders(session)
    listed = gateway.received_since(now - LOOKED_BACK, senders)
    with store.reading() as session:
        missing = [one for one in listed if inbound.by_sid(session, one.sid) is None]
    for one in missing:
        with store.writing() as session:
            receiving.receive(session, one, now, links_work=links_work)
    return len(missing)


def read_again(store: Store, now: datetime, *, links_work: bool) -> int:
    """Try to understand texts whose reading failed, each by itself, and return how many are understood now."""
    with store.reading() as session:
        waiting = inbound.unread(session)
    understood = 0
    for row_id in waiting:
        with store.writing() as session:
            understood += receiving.retry_unread(session, row_id, now, links_work=links_work)
    return understood
