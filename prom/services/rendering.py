"""The words of a text, made at the moment it leaves: the patient's language, the clinic's own wording, the link.

A question that we open stands inside the clinic's opening; one that follows an answer stands alone. Where replies do
not reach us the text carries a link to all questions of the visit; where they do, a set of several questions offers it.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from prom.domain import dialogue, instruments, wording
from prom.domain.segments import segments
from prom.services import inviting, links, questionnaires
from prom.storage import answers, invitations, looks, messages, outbox
from prom.storage.looks import Look
from prom.storage.models import AnswerState, Message, MessageKind
from prom.storage.session import vault_of

LAST_WORDS = wording.LAST_WORDS
UNCOUNTED = wording.UNCOUNTED
ANY_HOUR = frozenset({"staff_urgent"})
LINK = "[link]"
INVITES = frozenset(inviting.TEXT_KEYS.values())
LINK_INSTEAD = {"reminder_24h": "link_reminder_24h", "reminder_72h": "link_reminder_72h"}


@dataclass(frozen=True, slots=True)
class Words:
    """A text as it leaves, as staff see it ([link] in place of the address), and its size in segments."""

    text: str
    shown: str
    segments: int


def words(session: Session, look: Look, public_url: str, own: wording.Overrides) -> Words:
    """Return the words of a text, in the clinic's own wording where it has one."""
    shown = _shown(session, look, own, has_link=bool(public_url))
    text = _with_link(session, look, shown, public_url)
    return Words(text, shown, segments(text).count)


def _with_link(session: Session, look: Look, shown: str, public_url: str) -> str:
    """Return a text with the address in place of [link]."""
    if LINK not in shown:
        return shown
    if look.text_key in INVITES:
        return shown.replace(LINK, _invitation(session, look, public_url))
    if look.prompt_public_id is None or look.nonce is None:
        return shown
    token = links.token_of(vault_of(session), look.prompt_public_id, look.nonce)
    return shown.replace(LINK, links.url_of(public_url, token))


def _invitation(session: Session, look: Look, public_url: str) -> str:
    """Return the address of the page that a patient is invited to."""
    invitation = invitations.by_public_id(session, _variables(session, look)["invitation"])
    if invitation is None:
        raise ValueError("the text invites to a page that is not there")
    return inviting.address(session, invitation, public_url)


def listed_as(shown: str) -> re.Pattern[str]:
    """Return what a text looks like in the provider's list: any address may stand in place of [link]."""
    return re.compile(re.escape(shown).replace(re.escape(LINK), r"\S+"), re.DOTALL)


def pattern(session: Session, message: Message, public_url: str) -> re.Pattern[str]:
    """Return what a text that waits would look like in the provider's list if it had left."""
    look = looks.at(session, message.id)
    return listed_as(_shown(session, look, questionnaires.own_texts(session, look.site_id), has_link=bool(public_url)))


def _shown(session: Session, look: Look, own: wording.Overrides, *, has_link: bool) -> str:
    if look.text_key == "free":
        return str(_variables(session, look)["text"])
    key = _key(look, has_link=has_link)
    if key in instruments.QUESTIONS:
        return _chained(key, own, look, _variables(session, look))
    needed = wording.KEYS[key].variables
    values = _values(session, look, own, needed)
    if look.kind in {MessageKind.TEST, MessageKind.STAFF}:
        # These belong to no patient: what they say beside the clinic's label was decided when they were queued.
        own_values = _variables(session, look)
        spoken = str(own_values.pop("language", look.language))
        return wording.render(key, spoken, own, **{**values, **own_values})
    return wording.render(key, look.language, own, **values)


def _variables(session: Session, look: Look) -> dict[str, Any]:
    return messages.opened_variables(vault_of(session), look.key, look.public_id, look.variables_sealed)


def _chained(key: str, own: wording.Overrides, look: Look, before: dict[str, Any]) -> str:
    """Return a question that follows an answer, behind what was recorded of it if that was doubtful."""
    if "echo" not in before:
        return wording.ask(key, look.language, own, place=_place(look))
    given = before["value"]
    value = tuple(given) if isinstance(given, list) else given
    echo = _said("echo", own, look, [(before["echo"], value)])
    return wording.wrapped("chained", key, look.language, own, place=_place(look), echo=echo)


def _said(key: str, own: wording.Overrides, look: Look, given: list[tuple[str, wording.Value]]) -> str:
    return wording.render(key, look.language, own, recorded=wording.recorded(given, look.language, own))


def _key(look: Look, *, has_link: bool) -> str:
    """Return which text of the wording says what a message row wants to say."""
    by_link = has_link and (not look.two_way or look.channel == "link")
    if look.text_key in INVITES:
        return look.text_key
    if look.kind in outbox.OPENING:
        if by_link:
            return "link_ready"
        if look.kind is MessageKind.CONFIRMATION:
            return "confirmation"
        return "opening_link" if has_link and " " in (look.questions or "") else "opening"
    if look.kind is MessageKind.REMINDER:
        key = look.text_key if look.text_key in LINK_INSTEAD else "opening"
        return LINK_INSTEAD.get(key, "link_ready") if by_link else key
    if look.text_key.startswith("reask_"):
        asked = instruments.question(look.question)
        # The clinic's own words say how to answer, so they are what is said again.
        return asked.key if asked.own else f"{look.text_key}_{asked.scale.value}"
    return look.text_key


def _place(look: Look) -> str | None:
    return None if look.target is None else wording.place_key(look.target, look.side or "")


def _values(session: Session, look: Look, own: wording.Overrides, needed: frozenset[str]) -> dict[str, str | int]:
    values: dict[str, str | int] = {"clinic": look.label, "label": look.label, "phone": look.site_phone, "link": LINK}
    values |= {"days": dialogue.PAUSE_DAYS, "hours": dialogue.LATER_HOURS}
    if "emergency_number" in needed:
        self_harm = look.text_key.endswith("self_harm")
        values["emergency_number"] = wording.emergency_number(look.country, look.language, self_harm=self_harm)
    if "question" in needed:
        key = look.question if look.questions is None else open_question(look.questions, look.position or 0)
        values["question"] = wording.ask(key, look.language, own, place=_place(look))
    if "digits" in needed:
        values["digits"] = len(instruments.question(look.question).items)
    if "recorded" in needed and look.prompt_id is not None:
        values["recorded"] = wording.recorded(_recorded(session, look), look.language, own)
    return {name: values[name] for name in needed if name in values}


def open_question(questions: str, position: int) -> str:
    """Return the question that is open now: the first one at the start, a later one in a reminder."""
    asked = questions.split()
    return asked[min(position, len(asked) - 1)]


def _recorded(session: Session, look: Look) -> list[tuple[str, int | tuple[int | None, ...]]]:
    """Return the counted answers of a prompt as (question, value), in the order asked."""
    rows = [row for row in answers.of_prompt(session, look.prompt_id or 0) if row.state is AnswerState.CURRENT]
    found: list[tuple[str, int | tuple[int | None, ...]]] = []
    for key in (look.questions or "").split():
        question = instruments.question(key)
        items = question.items if question.numbered else (0,)
        given = {row.item: row.value for row in rows if answers.kept_as(key) == (row.instrument, row.series)}
        if not all(item in given for item in items):
            continue
        if len(items) > 1:
            found.append((key, tuple(given[item] for item in items)))
        elif (value := given[items[0]]) is not None:
            found.append((key, value))
    return found
