"""Links to the answer page: a token for each prompt that proves itself and tells nothing.

A token is the first 32 bits of the prompt's random public id, to find it, and 128 bits of an HMAC over the whole id and
a nonce in the row, to prove it. A fresh nonce kills every older link. Letters and digits only: some phones end a link
at any other sign.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.storage import channels, invitations, prompts
from prom.storage.models import Patient, Prompt, PromptState
from prom.storage.session import vault_of
from prom.storage.types import new_public_id
from prom.storage.vault import Vault

LIVES_ON = timedelta(minutes=15)
FINDS = 8
_MAC_BYTES = 16
_PROOF_SIGNS = 22
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def token(vault: Vault, prompt: Prompt) -> str:
    """Return the token of a prompt's link."""
    return token_of(vault, prompt.public_id, prompt.nonce)


def token_of(vault: Vault, public_id: str, nonce: str) -> str:
    """Return the token of the prompt with this public id and nonce."""
    return signed(vault, public_id, f"{public_id}|{nonce}")


def signed(vault: Vault, public_id: str, place: str) -> str:
    """Return a token: the beginning of a public id to find it, and the proof of the whole place it opens."""
    return public_id[:FINDS] + _proof(vault, place)


def is_token(given: str) -> bool:
    """Tell whether somebody's text has the form of a token."""
    return len(given) == FINDS + _PROOF_SIGNS and given.isascii() and given.isalnum()


def url(public_url: str, vault: Vault, prompt: Prompt) -> str:
    """Return the address of a prompt's answer page; a text shows it to staff as [link]."""
    return url_of(public_url, token(vault, prompt))


def url_of(public_url: str, link_token: str) -> str:
    """Return the address of the answer page that a token opens."""
    return f"{public_url}/a/{link_token}"


def prompt_for(session: Session, given: str) -> Prompt | None:
    """Return the prompt of a token, alive or not, or None when it is nobody's."""
    if not is_token(given):
        return None
    vault = vault_of(session)
    for prompt in prompts.beginning_with(session, given[:FINDS]):
        if hmac.compare_digest(token(vault, prompt).encode(), given.encode()):
            return prompt
    return None


def alive(session: Session, prompt: Prompt, now: datetime) -> bool:
    """Tell whether a link still opens its page.

    It dies with the answer window, with an opt-out, and with a new number (by a fresh nonce). After the answer it
    lives 15 minutes, for a change and the thanks.
    """
    if prompt.state is PromptState.CANCELLED or not prompt.opens_at <= now < prompt.closes_at:
        return False
    if prompt.answered_at is not None and now >= prompt.answered_at + LIVES_ON:
        return False
    patient = session.get_one(Patient, prompt.patient_id)
    if patient.died_on is not None or patient.withdrawn_on is not None or patient.phone_index is None:
        return False
    return not channels.is_suppressed(session, patient.phone_index)


def renew(session: Session, patient: Patient) -> int:
    """Kill all links of a patient (the number changed, so old texts are on somebody else's phone); return how many."""
    live = prompts.not_over(session, patient.id)
    for prompt in live:
        prompt.nonce = new_public_id()
        session.add(prompt)
    for invitation in invitations.of_phone(session, patient.id):
        invitation.nonce = new_public_id()
        session.add(invitation)
    session.flush()
    return len(live)


def _proof(vault: Vault, place: str) -> str:
    number = int.from_bytes(hmac.digest(vault.link_key, place.encode(), hashlib.sha256)[:_MAC_BYTES], "big")
    signs = []
    for _ in range(_PROOF_SIGNS):
        number, rest = divmod(number, len(_ALPHABET))
        signs.append(_ALPHABET[rest])
    return "".join(signs)
