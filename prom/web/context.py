"""What a request knows: the wired app, the time, who acts, and transactions."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from flask import current_app, g, request, session
from flask_security import current_user
from sqlmodel import Session

from prom import clock, wiring
from prom.storage import emergency_access, sites
from prom.storage.audit import PATIENT, Actor
from prom.storage.models import Site


def wired() -> wiring.App:
    """Return the app built at start."""
    app: wiring.App = current_app.extensions["prom"]
    return app


def now() -> datetime:
    """Return clinical time (moved in the demo)."""
    return wired().clock.now()


def wall() -> datetime:
    """Return real time, for sessions and throttles."""
    return clock.wall()


def writing() -> AbstractContextManager[Session]:
    """Open this request's writing transaction: the view owns it, services never commit."""
    return wired().store.writing()


@contextmanager
def reading() -> Iterator[Session]:
    """Open a reading transaction that stays open until the page is rendered."""
    with wired().store.reading() as opened:
        yield opened


def actor() -> Actor:
    """Return who acts in this request."""
    if current_user and current_user.is_authenticated:
        token = str(getattr(session, "token", "") or "")
        return Actor(current_user.public_id, current_user.id, token[:8], request.remote_addr or "", request_id())
    return Actor(PATIENT.name, address=request.remote_addr or "", request_id=request_id())


def request_id() -> str:
    """Return the id that error pages, logs and audit rows of this request share."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(5)
    return str(g.request_id)


def my_sites(opened: Session) -> list[Site]:
    """Return the sites whose patients the signed-in person may see: their own, and one opened in an emergency."""
    mine = sites.visible(opened, current_user.site_id)
    if current_user.site_id is None:
        return mine
    return mine + emergency_access.sites_open(opened, current_user.id, wall())


def my_site_ids(opened: Session) -> list[int]:
    """Return the ids of those sites, for queries: nothing outside them is ever found."""
    return [site.id for site in my_sites(opened)]
