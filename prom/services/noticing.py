"""What all who sign in must know of the text channel: halted, on hold, out of money. The words are the pages'."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session

from prom.storage import channels


@dataclass(frozen=True, slots=True)
class Notice:
    """One trouble of the channel: `key` is halted, held or low_balance; `detail` its code, reason or amount."""

    key: str
    detail: str


def of_channel(session: Session, site_ids: Collection[int]) -> list[Notice]:
    """Return what is wrong with the channel of some sites now, the worst first."""
    senders = channels.of_sites(session)
    mine = {channels.MAIN} | {senders[site_id] for site_id in site_ids if site_id in senders}
    mine |= {channels.site_name(site_id) for site_id in site_ids}
    found = []
    for row in channels.troubled(session):
        if row.name not in mine:
            continue
        if row.halted_at is not None:
            found.append(Notice("halted", row.halted_code))
        if row.held_at is not None:
            found.append(Notice("held", row.held_reason))
        if channels.is_low(row):
            amount = f"{(row.balance or 0) / 100:.2f} {row.balance_currency}".strip()
            found.append(Notice("low_balance", amount))
    order = ("halted", "held", "low_balance")
    return sorted(found, key=lambda one: order.index(one.key))
