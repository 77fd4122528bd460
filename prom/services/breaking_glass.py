"""Emergency access: a clinician opens another site's patients for an hour, with a reason, and every admin is told."""

from datetime import datetime, timedelta

from sqlmodel import Session

from prom.services import texting
from prom.storage import audit, emergency_access, sites, staff
from prom.storage.models import BreakGlass, Role, Site, Staff

SHORTEST_REASON = 10
LONGEST_REASON = 240
TOLD_WITHIN = timedelta(hours=1)


class AccessError(ValueError):
    """Emergency access is not possible; the message says why."""


def others(session: Session, account: Staff) -> list[Site]:
    """Return the sites somebody does not see anyway."""
    if account.site_id is None:
        return []
    return [site for site in sites.everything(session) if site.id != account.site_id]


def open_site(
    session: Session, account: Staff, site_name: str, reason: str, actor: audit.Actor, now: datetime, wall: datetime
) -> BreakGlass:
    """Open one site for an hour of real time; leaves an audit row at the site and tells the admins by text."""
    site = next((one for one in others(session, account) if one.name == site_name), None)
    if site is None:
        raise AccessError("choose a site")
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise AccessError("say in a few words why: it is kept and read")
    row = emergency_access.open_for(session, account.id, site.id, reason[:LONGEST_REASON], wall)
    audit.record(session, actor, "glass_broken", site, wall, reason=reason)
    for admin in staff.everyone(session, None):
        if admin.role is Role.ADMIN and admin.active:
            key = f"glass|{row.id}|{admin.public_id}"
            texting.queue_staff_text(session, admin, "staff_urgent", {}, now, key, now + TOLD_WITHIN)
    return row
