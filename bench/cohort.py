"""Times the cohort page on 100,000 episodes: the page, making all pages from scratch, and when nothing changed.

The floor of the page is its one row, read and parsed. 2,000 synthetic courses are judged by the product's own rule and
shared out over the episodes. Run as `python -m bench.cohort [episodes]`.
"""

import json
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, update

from prom.domain import procedures, relief
from prom.services import comparing, comparing_asking
from prom.services.comparing_filters import Filters
from prom.storage import audit, cohort_pages, migrating, sites, vault
from prom.storage.models import Audit, Episode, EpisodeState, Patient, Plan, Relief, Sensitization
from prom.storage.session import Store, engine_for
from prom.storage.types import new_public_id

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
EPISODES = 100_000
COURSES = 2_000
PARTS = ("counted", "fitted")
FOLLOWED_DAYS = 400
JUDGED = ("genicular_rfa", "medial_branch_rfa", "epidural_steroid", "sympathetic_block", "neuromodulation")


def courses(chance):
    """Return synthetic courses judged at both thresholds; relief is lost earlier with a higher CSI."""
    for number in range(COURSES):
        key = JUDGED[number % len(JUDGED)]
        days = [p.offset for p in procedures.default_plan(key).time_points if 0 < p.offset <= FOLLOWED_DAYS]
        csi, baseline = chance.randint(5, 85), chance.randint(4, 10)
        lost_on = chance.expovariate(0.004 * 1.3 ** ((csi - 40) / 10)) if chance.random() < 0.7 else 0
        answered = [day + chance.randint(-1, 1) for day in days if chance.random() < 0.8]
        scores = [(max(day, 1), min(10, round(baseline * (0.3 if day < lost_on else 0.85)))) for day in answered]
        verdicts = {x: relief.classify(key, [baseline], scores, [], FOLLOWED_DAYS, x) for x in (50, 30)}
        told = " ".join(f"{reading[0]}:{reading[1]}" for reading in dict(scores).items())
        yield key, csi, told, {x: relief.as_json(verdict) for x, verdict in verdicts.items()}


def fill(store, episodes):
    """Store the episodes with their projection, by plain inserts."""
    chance = random.Random(2017)
    made = list(courses(chance))
    answers = sum(told.count(":") for _, _, told, _ in made) * episodes // COURSES
    with store.writing() as session:
        site = sites.add(session, "main", "Bench", "Asia/Kolkata")
        plan = Plan(procedure="genicular_rfa", version="bench", definition="{}", created_at=NOW)
        session.add(plan)
        session.flush()
        for start in range(0, episodes, 5_000):
            numbers = range(start + 1, min(start + 5_000, episodes) + 1)
            for table, rows in _rows(numbers, made, site, plan, chance):
                session.connection().execute(insert(table), rows)
        session.add(Audit(at=NOW, actor="command", action="bench"))
    return answers


def _rows(numbers, made, site, plan, chance):
    at = NOW - timedelta(days=FOLLOWED_DAYS)
    yield Patient, [
        {
            "id": n, "public_id": new_public_id(), "site_id": site.id, "study_id": new_public_id(), "key_sealed": b"",
            "record_index": f"r{n}", "language": "en", "time_zone": site.time_zone, "birth_year": 1940 + n % 50,
            "sex": "FM"[n % 2], "created_at": NOW, "paused_reason": "", "unusable_reason": "",
        }
        for n in numbers
    ]  # fmt: skip
    yield Episode, [
        {
            "id": n, "public_id": new_public_id(), "patient_id": n, "site_id": site.id, "plan_id": plan.id,
            "procedure": made[n % COURSES][0], "target": "", "side": "", "level": "", "indication": "",
            "state": EpisodeState.DONE, "procedure_at": at, "done_at": at, "created_at": at,
        }
        for n in numbers
    ]  # fmt: skip
    empty = {name: "" for name, kind in Sensitization.__annotations__.items() if kind is str}
    yield Sensitization, [
        {
            **empty, "episode_id": n, "csi_answered": 25, "csi_min": made[n % COURSES][1],
            "csi_max": made[n % COURSES][1] + (chance.random() < 0.1), "recorded_at": NOW,
        }
        for n in numbers
    ]  # fmt: skip
    yield Relief, [
        {
            "episode_id": n, "site_id": site.id, "procedure": key, "threshold": threshold, "definition_version": "1",
            "state": fields["state"], "fields": json.dumps(fields), "end_day": FOLLOWED_DAYS - 1,
            "computed_at": NOW - timedelta(days=1),
            "at_horizon": fields.get("at_horizon", ""), "course": told if threshold == 50 else "",
        }
        for n in numbers
        for key, _, told, verdicts in [made[n % COURSES]]
        for threshold, fields in verdicts.items()
    ]  # fmt: skip


def timed_ms(work, repeats=1):
    """Return the quickest of some runs in milliseconds."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(1_000.0 * (time.perf_counter() - began))
    return min(taken)


def main():
    """Print each figure beside its floor or its goal."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else EPISODES
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrating.upgrade(url)
        vault.make_keys(Path(folder) / "keys")
        store = Store(engine_for(url), vault.load(Path(folder) / "keys"))
        answers = fill(store, episodes)
        measure(store, episodes, answers)
        store.engine.dispose()


def measure(store, episodes, answers):
    """Time the refresh, then the pages."""

    def refresh(unhurried=True):
        with store.reading() as session:
            counted = comparing.prepared(session, NOW)
        comparing.stored(store, counted)
        with store.reading() as session:
            fitted = comparing.fitted(session, NOW, unhurried=unhurried)
        return comparing.stored(store, fitted) + len(counted.pages)

    def touched(number):
        with store.writing() as session:
            session.connection().execute(
                update(Relief).where(Relief.episode_id == number).values(computed_at=NOW, course=f"7:{number % 10}")
            )
            episode = session.get_one(Episode, number)
            audit.record(session, audit.COMMAND, "bench", episode, NOW)

    def page(**filters):
        with store.reading() as session:
            site_ids = [site.id for site in sites.everything(session)]
            return comparing.cohort(session, site_ids, Filters(**filters), NOW)

    def bare():
        with store.reading() as session:
            return [json.loads(cohort_pages.snapshot(session, f"{part}|all|all|50").content) for part in PARTS]

    scratch = timed_ms(refresh)
    print(
        f"cohort of {episodes:,} episodes, {answers:,} answers: all pages made in {scratch / 1000:.2f} s (to reach 3)"
    )
    print(f"  nothing changed: {timed_ms(refresh, 5):.1f} ms")
    taken = []
    for number in range(1, 6):
        touched(number * 97 % episodes + 1)
        taken.append(timed_ms(refresh))
    print(f"  one episode changed: {min(taken):.0f} ms (to reach 100)")
    ours, floor = timed_ms(page, 20), timed_ms(bare, 20)
    print(f"  the page: {ours:.1f} ms (to reach 50), its rows read and parsed {floor:.1f} ms, ratio {ours / floor:.1f}")
    narrowed(store, page)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  highest memory of the process: {memory:.0f} MB (to reach 500 at 1,000,000)")


def narrowed(store, page):
    """Time a page narrowed to some months: asked for, counted by the job, and read."""
    filters = Filters(since=NOW.date() - timedelta(days=FOLLOWED_DAYS + 1), side="", cut_off="chinese")
    wanted = page(cut_off="chinese", since=filters.since)
    if not isinstance(wanted, comparing_asking.Waiting):
        print(f"  a narrowed page: {timed_ms(lambda: page(cut_off='chinese', since=filters.since), 5):.0f} ms")
        return
    with store.writing() as session:
        comparing_asking.ask(session, wanted, filters, NOW)

    def answer():
        with store.reading() as session:
            made = comparing.answered(session, NOW)
        comparing.stored(store, made)

    counted = timed_ms(answer)
    read = timed_ms(lambda: page(cut_off="chinese", since=filters.since), 10)
    print(f"  a narrowed page: counted by the job in {counted / 1000:.2f} s, then read in {read:.1f} ms (to reach 50)")


if __name__ == "__main__":
    main()
