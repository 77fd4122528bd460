"""The cohort kept as rows: blocks of columns and a tally for each site and procedure, and how far they have seen.

A change touches one block and one tally. Once a day everything is read anew, because days pass for every patient.
"""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlmodel import Session

from prom.domain import relief
from prom.services import comparing_cohort as cohorts
from prom.services import comparing_loading as loading
from prom.services import comparing_tally as tallies
from prom.services import packing
from prom.services.comparing_cohort import Cohort, Traits
from prom.services.comparing_columns import PROCEDURES, STATES, Columns
from prom.services.comparing_page import Counted, Fitted
from prom.services.comparing_pain import GRID, LEVELS
from prom.services.comparing_tally import Tally
from prom.services.comparing_views import Mixed
from prom.storage import cohort as rows
from prom.storage import cohort_changes as changes
from prom.storage import cohort_pages as pages

MANIFEST = "projection"
BLOCK_EPISODES = 8_192
# More changes than these are read quicker all at once.
MOST_CHANGES = 2_000

_OWN = ("block|", "tally|", "counted|", "fitted|", "mixed|", "asked|", "narrowed|", "cohort|")


def _shape() -> str:
    """Return a name for the way everything here is written: what an older release has kept is counted anew."""
    words: tuple[object, ...] = (
        *(packing.shape(kind) for kind in (Counted, Fitted, Mixed, Columns, Traits)),
        *(PROCEDURES, STATES, GRID.days, LEVELS, tallies.SHARES, tallies.READINGS, tallies.ENDS),
        *(loading.CAUSES, loading.INDICATIONS, loading.SIDES, loading.TREATMENTS, relief.DEFINITION_VERSION),
    )
    return hashlib.sha256(repr(words).encode()).hexdigest()[:12]


SHAPE = _shape()

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Block:
    """One row of columns: whose, which ids it begins and ends with, and how many."""

    site: int
    procedure: str
    first: int
    last: int
    n: int

    @property
    def key(self) -> str:
        """Return the key of the row."""
        return f"block|{self.site}|{self.procedure}|{self.first}"

    @property
    def place(self) -> Place:
        """Return the site and procedure."""
        return self.site, self.procedure


@dataclass(frozen=True, slots=True)
class Manifest:
    """The blocks there are, and how far they have seen: the audit trail, the newest verdict, the date."""

    blocks: tuple[Block, ...]
    watermark: int
    judged_at: datetime | None
    made_at: datetime

    @property
    def places(self) -> dict[Place, int]:
        """Return the number of episodes of each site and procedure."""
        found: dict[Place, int] = {}
        for block in self.blocks:
            found[block.place] = found.get(block.place, 0) + block.n
        return found


@dataclass(frozen=True, slots=True)
class Update:
    """What brings the projection up to date: rows to keep, keys to forget, and the places whose pages change."""

    manifest: Manifest
    kept: dict[str, str]
    forgotten: frozenset[str]
    places: frozenset[Place]
    whole: bool


def tally_key(place: Place) -> str:
    """Return the key of the tally of a site and procedure."""
    return f"tally|{place[0]}|{place[1]}"


def manifest(session: Session) -> Manifest | None:
    """Return what the projection holds, or None before it was made, or when another release made it."""
    found = pages.snapshot(session, MANIFEST)
    if found is None:
        return None
    told = json.loads(found.content)
    if told.get("shape") != SHAPE:
        return None
    judged_at = datetime.fromisoformat(told["judged_at"]) if told["judged_at"] else None
    return Manifest(tuple(Block(*each) for each in told["blocks"]), found.watermark, judged_at, found.made_at)


def content(known: Manifest) -> str:
    """Return the manifest as its row holds it."""
    blocks = [[block.site, block.procedure, block.first, block.last, block.n] for block in known.blocks]
    judged_at = known.judged_at.isoformat() if known.judged_at else None
    return json.dumps({"blocks": blocks, "judged_at": judged_at, "shape": SHAPE}, separators=(",", ":"))


def update(session: Session, now: datetime) -> Update | None:
    """Return what has to be stored, or None when nothing changed since the last look on the same day."""
    known = manifest(session)
    seen, judged_at = changes.watermark(session), rows.newest_verdict(session)
    if known is None or known.made_at.date() != now.date():
        return _anew(session, now, known)
    if (seen, judged_at) == (known.watermark, known.judged_at):
        return None
    ids = changes.changed(session, known.watermark, known.made_at)
    if len(ids) > MOST_CHANGES:
        return _anew(session, now, known)
    return _patched(session, now, replace(known, watermark=seen, judged_at=judged_at, made_at=now), ids)


def _anew(session: Session, now: datetime, known: Manifest | None) -> Update:
    """Read everything again."""
    seen, judged_at = changes.watermark(session), rows.newest_verdict(session)
    waiting: dict[Place, list[Cohort]] = {}
    counted: dict[Place, Tally] = {}
    made: list[Block] = []
    kept: dict[str, str] = {}
    for wave in loading.read(session, now):
        for place, part in _by_place(wave):
            waiting.setdefault(place, []).append(part)
            if sum(each.size for each in waiting[place]) >= BLOCK_EPISODES:
                made.append(_stored(place, cohorts.joined(waiting.pop(place)), kept, counted))
    for place, parts in waiting.items():
        made.append(_stored(place, cohorts.joined(parts), kept, counted))
    kept |= {tally_key(place): tallies.packed(each) for place, each in counted.items()}
    old = (
        {block.key for block in known.blocks} | {tally_key(place) for place in known.places}
        if known
        else _older(session)
    )
    places = frozenset(counted) | (frozenset(known.places) if known else frozenset())
    return Update(Manifest(tuple(made), seen, judged_at, now), kept, frozenset(old - kept.keys()), places, whole=True)


def _older(session: Session) -> set[str]:
    """Return the keys of all that was kept before, perhaps by another release."""
    return {key for prefix in _OWN for key in pages.marks(session, prefix)}


def _by_place(cohort: Cohort) -> Iterator[tuple[Place, Cohort]]:
    of = cohort.waning
    whose = of.site.astype(np.int64) * len(PROCEDURES) + of.procedure
    for number in np.unique(whose).tolist():
        site, procedure = divmod(number, len(PROCEDURES))
        yield (site, PROCEDURES[procedure]), cohort.only(whose == number)


def _stored(place: Place, cohort: Cohort, kept: dict[str, str], counted: dict[Place, Tally]) -> Block:
    block = _block(place, cohort)
    kept[block.key] = cohorts.packed(cohort)
    own = tallies.tally(cohort)
    counted[place] = counted[place] + own if place in counted else own
    return block


def _block(place: Place, cohort: Cohort) -> Block:
    ids = cohort.waning.episode
    return Block(*place, int(ids[0]), int(ids[-1]), cohort.size)


def _patched(session: Session, now: datetime, known: Manifest, ids: Collection[int]) -> Update:
    """Put changed episodes in the place of what was known of them."""
    fresh = cohorts.joined([*loading.read(session, now, ids), loading.nobody(now)])
    blocks = {block.key: block for block in known.blocks}
    kept: dict[str, str] = {}
    counted: dict[Place, Tally] = {}
    for block, members in _assigned(known, changes.where(session, ids)):
        changed = _changed(session, block, members, fresh, now)
        if changed is None:
            continue
        before, after, whole = changed
        blocks.pop(block.key, None)
        if whole.size:
            new = _block(block.place, whole)
            blocks[new.key] = new
            kept[new.key] = cohorts.packed(whole)
        stood = counted.get(block.place) or _tally(session, block.place)
        counted[block.place] = _without(stood, before) + tallies.tally(after)
    kept |= {tally_key(place): tallies.packed(each) for place, each in counted.items()}
    gone = frozenset(block.key for block in known.blocks) - blocks.keys()
    ordered = sorted(blocks.values(), key=lambda block: (block.place, block.first))
    return Update(replace(known, blocks=tuple(ordered)), kept, gone, frozenset(counted), whole=False)


def _assigned(known: Manifest, where: dict[int, Place]) -> Iterable[tuple[Block, list[int]]]:
    """Return the blocks that changed episodes belong to, with them; a full last block is followed by a new one."""
    found: dict[str, tuple[Block, list[int]]] = {}
    for one, place in sorted(where.items()):
        own = sorted((block for block in known.blocks if block.place == place), key=lambda block: block.first)
        block = next((block for block in reversed(own) if block.first <= one), own[0] if own else None)
        if block is None or (one > block.last and block.n >= BLOCK_EPISODES):
            block = found.get(f"new|{place}", (Block(*place, one, one, 0), []))[0]
            found.setdefault(f"new|{place}", (block, []))[1].append(one)
            continue
        found.setdefault(block.key, (block, []))[1].append(one)
    return found.values()


def _changed(
    session: Session, block: Block, members: list[int], fresh: Cohort, now: datetime
) -> tuple[Cohort, Cohort, Cohort] | None:
    """Return what was known of some episodes, what is known now, and the block with it; None if it is the same."""
    row = pages.snapshot(session, block.key) if block.n else None
    old = loading.nobody(now) if row is None else cohorts.unpacked(row.content)
    gone = np.isin(old.waning.episode, members)
    before, after = old.only(gone), fresh.only(np.isin(fresh.waning.episode, members))
    if cohorts.packed(replace(before, as_of=now)) == cohorts.packed(replace(after, as_of=now)):
        return None
    return before, after, cohorts.joined([old.only(~gone), after]).ordered()


def _tally(session: Session, place: Place) -> Tally:
    row = pages.snapshot(session, tally_key(place))
    return tallies.nothing() if row is None else tallies.unpacked(row.content)


def _without(stood: Tally, before: Cohort) -> Tally:
    return stood - tallies.tally(before) if before.size else stood


def each(session: Session, known: Manifest, places: Collection[Place]) -> Iterator[Cohort]:
    """Yield the blocks of some sites and procedures one by one, so that a million never stand in memory together."""
    for block in known.blocks:
        if block.place in places:
            text = pages.contents(session, [block.key]).get(block.key)
            if text is not None:
                yield cohorts.unpacked(text)


def one_in(known: Manifest, places: Collection[Place], most: int) -> int:
    """Return the step that chooses at most so many episodes of some sites and procedures evenly: 1 is all of them."""
    return max(1, math.ceil(sum(block.n for block in known.blocks if block.place in places) / most))


def thinned(cohort: Cohort, step: int) -> Cohort:
    """Return an even choice of the episodes: one in so many."""
    return cohort if step == 1 else cohort.only(np.arange(cohort.size) % step == 0)


def read(session: Session, known: Manifest, places: Collection[Place], most: int | None = None) -> Cohort | None:
    """Return all episodes of some sites and procedures, of more than `most` an even choice; None without any."""
    step = one_in(known, places, most) if most else 1
    found = [thinned(block, step) for block in each(session, known, places)]
    return cohorts.joined(found).ordered() if found else None


def tally(session: Session, places: Collection[Place]) -> Tally | None:
    """Return the tally of some sites and procedures, or None when there are none."""
    texts = pages.contents(session, [tally_key(place) for place in places])
    return tallies.together([tallies.unpacked(text) for text in texts.values()]) if texts else None
