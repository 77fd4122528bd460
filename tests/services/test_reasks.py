"""A prompt is asked again twice at most, over all its questions; then its page is offered, once, and a person reads."""

from datetime import timedelta

from prom.services import receiving
from prom.storage.models import Task
from tests import replies


def says(store, asked, body, at):
    """Let a text come in, and let what goes back reach the phone."""
    with store.writing() as session:
        receiving.receive(session, replies.text(asked.phone, body, at), at)
    with store.writing() as session:
        for row in session.exec(replies.select(replies.Message).where(replies.Message.sending_at.is_(None))):
            row.state, row.sending_at = replies.MessageState.ACCEPTED, at


def test_two_re_asks_are_all_that_a_prompt_has_over_its_questions(store, site, now):
    asked = replies.asked(store, site, now, questions="nrs pgic relief_percent")
    said = ("6 or 7", "6", "2 or 3", "3 or 4", "2", "no idea, 30 or 40")
    for minute, body in enumerate(said):
        says(store, asked, body, now + timedelta(minutes=minute))
    assert replies.sent_back(store) == ["reask_1", "pgic", "reask_2", "link_offer", "relief_percent"]
    assert [row.reason for row in replies.every(store, Task)] == ["unreadable", "unreadable"]
    assert replies.scores(store) == [6, 2]
