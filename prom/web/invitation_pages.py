"""What staff pages that invite a patient share: the three ways, the code to scan, and handing over the tablet."""

from dataclasses import dataclass

import segno
from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import logout_user
from markupsafe import Markup
from sqlmodel import Session

from prom.services import inviting
from prom.storage.models import Invitation, Patient
from prom.web import context

PIXELS_A_MODULE = 5


def _(words: str, /, **values: object) -> str:
    return str(gettext(words, **values))


@dataclass(frozen=True, slots=True)
class Open:
    """An invitation as staff see it: how it was opened, whether it still opens, and its code where that is scanned."""

    way: str
    alive: bool
    finished: bool
    code: Markup | None
    row: Invitation


def opened(session: Session, invitation: Invitation | None) -> Open | None:
    """Return how the last invitation stands, or None when there was none."""
    if invitation is None:
        return None
    alive = inviting.alive(session, invitation, context.now())
    shown = alive and invitation.way == inviting.QR and invitation.finished_at is None
    return Open(
        invitation.way,
        alive,
        invitation.finished_at is not None,
        _code(session, invitation) if shown else None,
        invitation,
    )


def _code(session: Session, invitation: Invitation) -> Markup:
    """Return the code to scan, drawn in the page: no other host and no file of it."""
    address = inviting.address(session, invitation, context.wired().settings.public_url)
    drawn = segno.make(address, error="m", micro=False)
    # The picture is made of our own address only; nothing of a patient or a form is in it.
    return Markup(  # noqa: S704
        drawn.svg_inline(scale=PIXELS_A_MODULE, light="#fff", title=_("Code to scan with the patient's phone"))
    )


def ways(session: Session, patient: Patient) -> list[tuple[str, str, str, str]]:
    """Return the ways to open a page: (way, button, what happens, why not)."""
    no_address = "" if context.wired().settings.public_url else _("The clinic's public address is not set.")
    no_text = "" if inviting.may_text(session, patient) else _("Texts do not reach this patient now.")
    return [
        (inviting.QR, _("Show a code"), _("The patient scans it with the own phone."), no_address),
        (inviting.TEXT, _("Text a link"), _("The link leaves with the next texts."), no_address or no_text),
        (
            inviting.TABLET,
            _("Use this tablet"),
            _("You are signed out here, and the patient gets the questions. Sign in again afterwards."),
            "",
        ),
    ]


def after(invitation: Invitation, token: str, back: str) -> ResponseReturnValue:
    """Go back to the staff page, or on the tablet hand it over; the transaction that invited is closed by now."""
    if invitation.way != inviting.TABLET:
        return redirect(back, 303)
    # The session ends here, so that nobody gets from the patient's page to a staff page.
    logout_user()
    endpoint = {"b": "patient.baseline", "c": "patient.consent"}[inviting.PATHS[invitation.kind]]
    return redirect(url_for(endpoint, token=token), 303)
