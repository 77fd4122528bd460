"""What the two pages behind an invitation share: who may open them, how they end on the tablet, and a new link."""

from dataclasses import dataclass

from flask import redirect
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import inviting, linking_baseline
from prom.storage.models import Invitation, InvitationKind
from prom.web import context, locales, patient_words
from prom.web.patient_blueprint import actor, here, page, speak
from prom.web.patient_blueprint import over as link_is_over


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of invitation: the endpoints of its first page, of its hand-back screen and of the new link."""

    kind: InvitationKind
    start: str
    back: str
    new_link: str

    def live(self, session: Session, token: str) -> Invitation | None:
        """Return the invitation that an address opens now, and speak its patient's language."""
        invitation = inviting.live(session, self.kind, token, context.now())
        if invitation is not None:
            speak(locales.page_language(linking_baseline.patient_of(session, invitation).language))
            patient_words.use_own(session, invitation.site_id)
        return invitation

    def over(self, token: str, *, lost: bool = False, asked: bool = False) -> ResponseReturnValue:
        """Return the page of a link that does not open (any more)."""
        return link_is_over(
            token,
            lambda session: inviting.by_token(session, self.kind, token),
            self.start,
            self.new_link,
            lost=lost,
            asked=asked,
        )

    def finish(self, token: str) -> ResponseReturnValue:
        """End the page on the tablet: from now on its address shows only that it is to be handed back."""
        with context.writing() as session:
            invitation = self.live(session, token)
            if invitation is not None:
                inviting.finish(session, invitation, actor(), context.now())
                return redirect(here(self.back, token=token), 303)
        return self.over(token, lost=True)

    def hand_back(self, token: str) -> ResponseReturnValue:
        """Ask to hand the tablet back; the browser forgets the pages before."""
        with context.reading() as session:
            invitation = inviting.by_token(session, self.kind, token)
            if invitation is not None and invitation.way == inviting.TABLET and invitation.finished_at is not None:
                speak(locales.page_language(linking_baseline.patient_of(session, invitation).language))
                shown = page("patient/hand_back.html", self.back, {"token": token}, tablet=True)
                return shown, {"Clear-Site-Data": '"cache"'}
        return self.over(token)

    def text_new_link(self, token: str) -> ResponseReturnValue:
        """Text a new link to whoever had this one; who never had one sees the same page."""
        with context.writing() as session:
            inviting.new_link(session, self.kind, token, context.now())
        return self.over(token, asked=True)
