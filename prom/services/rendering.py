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
from prom.services import links
from prom.storage import answers, messages, outbox, sites
from prom.storage.models import AnswerState, Episode, Message, MessageKind, Patient, Prompt, Site
from prom.storage.outbox import Facts
from prom.storage.session import vault_of

LAST_WORDS = wording.LAST_WORDS
UNCOUNTED = wording.UNCOUNTED
LINK = "[link]"
LINK_INSTEAD = {"reminder_24h": "link_reminder_24h", "reminder_72h": "link_reminder_72h"}


@dataclass(frozen=True, slots=True)
class Words:
    """A text as it leaves, as staff see it ([link] in place of the address), and its size in segments."""

    text: str
    shown: str
    segments: int


def words(session: Session, facts: Facts, public_url: str) -> Words:
    """Return the words of a text."""
    shown = _shown(session, facts, has_link=bool(public_url))
    text = with_link(session, facts.prompt, shown, public_url)
    return Words(text, shown, segments(text).count)


def with_link(session: Session, prompt: Prompt | None, shown: str, public_url: str) -> str:
    """Return a text with the address in place of [link]: what the provider got, made again from the row."""
    if LINK not in shown or prompt is None:
        return shown
    return shown.replace(LINK, links.url(public_url, vault_of(session), prompt))


def listed_as(shown: str) -> re.Pattern[str]:
    """Return what a text looks like in the provider's list: any address may stand in place of [link]."""
    return re.compile(re.escape(shown).replace(re.escape(LINK), r"\S+"), re.DOTALL)


def pattern(session: Session, message: Message, public_url: str) -> re.Pattern[str]:
    """Return what a text that waits would look like in the provider's list if it had left."""
    prompt = session.get(Prompt, message.prompt_id) if message.prompt_id else None
    facts = Facts(
        message=message,
        site=session.get_one(Site, message.site_id),
        patient=session.get(Patient, message.patient_id) if message.patient_id else None,
        prompt=prompt,
        episode=session.get(Episode, prompt.episode_id) if prompt else None,
        consented=True,
        opted_out=False,
    )
    return listed_as(_shown(session, facts, has_link=bool(public_url)))


def _shown(session: Session, facts: Facts, *, has_link: bool) -> str:
    message, site = facts.message, facts.site
    language = facts.patient.language if facts.patient else site.language
    own = sites.overrides(session, site.id)
    if message.text_key == "free":
        return str(messages.variables(session, message)["text"])
    key = _key(facts, has_link=has_link)
    if key in instruments.QUESTIONS:
        return _chained(key, language, own, facts, messages.variables(session, message))
    needed = wording.KEYS[key].variables
    values = _values(session, facts, language, own, needed)
    return wording.render(key, language, own, **values)


def _chained(key: str, language: str, own: wording.Overrides, facts: Facts, before: dict[str, Any]) -> str:
    """Return a question that follows an answer, behind what was recorded of it if that was doubtful."""
    if "echo" not in before:
        return wording.ask(key, language, own, place=_place(facts))
    given = before["value"]
    value = tuple(given) if isinstance(given, list) else given
    echo = wording.render("echo", language, own, recorded=wording.recorded([(before["echo"], value)], language, own))
    return wording.wrapped("chained", key, language, own, place=_place(facts), echo=echo)


def _key(facts: Facts, *, has_link: bool) -> str:
    """Return which text of the wording says what a message row wants to say."""
    message = facts.message
    by_link = has_link and not facts.site.two_way
    if message.kind in outbox.OPENING:
        if by_link:
            return "link_ready"
        if message.kind is MessageKind.CONFIRMATION:
            return "confirmation"
        several = facts.prompt is not None and " " in facts.prompt.questions
        return "opening_link" if several and has_link else "opening"
    if message.kind is MessageKind.REMINDER:
        key = message.text_key if message.text_key in LINK_INSTEAD else "opening"
        return LINK_INSTEAD.get(key, "link_ready") if by_link else key
    if message.text_key.startswith("reask_"):
        return f"{message.text_key}_{instruments.question(message.question).scale.value}"
    return message.text_key


def _place(facts: Facts) -> str | None:
    return wording.place_key(facts.episode.target, facts.episode.side) if facts.episode else None


def _values(
    session: Session, facts: Facts, language: str, own: wording.Overrides, needed: frozenset[str]
) -> dict[str, str | int]:
    message, site = facts.message, facts.site
    values: dict[str, str | int] = {
        "clinic": site.label,
        "phone": site.phone,
        "emergency_number": wording.emergency_number(
            site.country, language, self_harm=message.text_key.endswith("self_harm")
        ),
        "link": LINK,
        "days": dialogue.PAUSE_DAYS,
        "hours": dialogue.LATER_HOURS,
    }
    if "question" in needed:
        values["question"] = wording.ask(
            open_question(facts.prompt) if facts.prompt else message.question, language, own, place=_place(facts)
        )
    if "digits" in needed:
        values["digits"] = len(instruments.question(message.question).items)
    if "recorded" in needed and facts.prompt is not None:
        values["recorded"] = wording.recorded(_recorded(session, facts.prompt), language, own)
    return {name: values[name] for name in needed if name in values}


def open_question(prompt: Prompt) -> str:
    """Return the question that is open now: the first one at the start, a later one in a reminder."""
    asked = prompt.questions.split()
    return asked[min(prompt.position, len(asked) - 1)]


def _recorded(session: Session, prompt: Prompt) -> list[tuple[str, int | tuple[int | None, ...]]]:
    """Return the counted answers of a prompt as (question, value), in the order asked."""
    rows = [row for row in answers.of_prompt(session, prompt.id) if row.state is AnswerState.CURRENT]
    found: list[tuple[str, int | tuple[int | None, ...]]] = []
    for key in prompt.questions.split():
        question = instruments.question(key)
        items = question.items if question.instrument in {"csi", "peg"} else (0,)
        given = {row.item: row.value for row in rows if answers.kept_as(key) == (row.instrument, row.series)}
        if not all(item in given for item in items):
            continue
        if len(items) > 1:
            found.append((key, tuple(given[item] for item in items)))
        elif (value := given[items[0]]) is not None:
            found.append((key, value))
    return found
