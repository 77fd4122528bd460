"""A patient with an open link, for the tests of patients' pages."""

import re
from dataclasses import dataclass
from datetime import timedelta

from prom.services import links, planning
from prom.storage import answers, audit, plans
from prom.storage.models import AnswerState, Prompt
from tests import people


@dataclass
class Linked:
    """One open prompt with its link, and what the tests ask of the database about it."""

    app: object
    wired: object
    episode: object
    prompt: Prompt
    token: str

    @property
    def address(self):
        return f"/a/{self.token}"

    @property
    def client(self):
        return self.app.test_client()

    def at(self, moment):
        self.wired.clock.move_to(moment)

    def fresh(self):
        with self.wired.store.reading() as session:
            return session.get_one(Prompt, self.prompt.id)

    def answers(self, state=AnswerState.CURRENT):
        with self.wired.store.reading() as session:
            return [row for row in answers.of_prompt(session, self.prompt.id) if row.state is state]

    def values(self):
        return {(row.instrument, row.item): row.value for row in self.answers()}

    def page(self, path="", **more):
        return self.client.get(self.address + path, **more)

    def choose(self, step, value, seen=None, lang=None):
        """Answer a step as the page's own form would."""
        shown = self.page(f"?q={step}").get_data(as_text=True)
        held = re.search(r'name="seen" value="([^"]*)"', shown)
        seen = held.group(1) if seen is None and held else seen or ""
        query = f"?lang={lang}" if lang else ""
        return self.client.post(self.address + query, data={"q": step, "answer": str(value), "seen": seen})

    def skip(self, step):
        return self.client.post(self.address, data={"q": step, "skip": "1"})


def linked(app, wired, site, now, time_point="d14", enrol=people.asha, **changes):
    """Enrol somebody whose procedure is done, and open the link of one prompt an hour after it was due."""
    with wired.store.writing() as session:
        episode = enrol(session, site, now, **changes)
        planning.mark_done(session, episode, now, audit.COMMAND, now)
        prompt = next(row for row in plans.prompts(session, episode.id) if row.time_point == time_point)
        token = links.token(wired.store.vault, prompt)
    one = Linked(app, wired, episode, prompt, token)
    one.at(prompt.due_at + timedelta(hours=1))
    return one


def dump(store):
    """Return every row of every table, to see that nothing changed."""
    from sqlalchemy import text

    from prom.storage.types import metadata

    with store.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(text(f"SELECT * FROM {table.name}"))]
            for table in metadata.sorted_tables
        }


def text(response):
    """Return a page as text."""
    return response.get_data(as_text=True)


def follow(linked_, response):
    """Return the page that redirects lead to."""
    while response.status_code == 303:
        response = linked_.client.get(response.location)
    return response
