"""Simulated phones: a list, one phone with its clock, and switches for what may go wrong. Only beside that gateway."""

from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from prom.messaging.simulated import SimulatedGateway
from prom.messaging.simulated_phones import Failures
from prom.services import simulating
from prom.web import context, guards

blueprint = Blueprint("simulator", __name__)
SHOWN_PHONES = 60
LONGEST_TEXT = 1600
LONGEST_NUMBER = 20
LONGEST_DELAY_SECONDS = 30 * 24 * 3600
HIGHEST_CODE = 999_999
SWITCHES = (
    ("duplicate_callbacks", "Statuses come twice"),
    ("reorder_callbacks", "Statuses come in the wrong order"),
    ("lose_callbacks", "Statuses are lost"),
    ("swallow", "Accepted texts vanish"),
    ("timeout_after_accept", "The provider accepts and does not say so"),
    ("timeout_before_accept", "The provider does not answer"),
    ("too_many_requests", "Too many requests (429)"),
    ("unreachable", "The provider cannot be reached"),
    ("code_in_callback", "The code below comes in a status, after acceptance"),
)


def _world() -> simulating.World:
    wired = context.wired()
    if not isinstance(wired.gateway, SimulatedGateway):
        abort(404)
    return simulating.World(wired.store, wired.gateway, wired.settings, wired.clock)


@blueprint.get("/sim")
@guards.needs(guards.Permission.DEMO)
def phones() -> ResponseReturnValue:
    """List the phones with the newest traffic first."""
    world = _world()
    every = sorted(world.gateway.phones(), key=lambda phone: phone.last_at, reverse=True)
    return render_template(
        "simulator/phones.html",
        phones=every[:SHOWN_PHONES],
        total=len(every),
        now=world.clock.now(),
        next_at=simulating.next_prompt(world),
        switches=SWITCHES,
        failures=world.gateway.failures(),
        failing=[(one, words) for one, words in SWITCHES if getattr(world.gateway.failures(), one)],
    )


@blueprint.get("/sim/<number>")
@guards.needs(guards.Permission.DEMO)
def phone(number: str) -> ResponseReturnValue:
    """Show one phone."""
    world = _world()
    return render_template(
        "simulator/phone.html",
        number=number,
        bubbles=world.gateway.thread(number)[-80:],
        now=world.clock.now(),
        next_at=simulating.next_prompt(world),
        switches=SWITCHES,
        failures=world.gateway.failures(number),
        own=world.gateway.own_failures(number) is not None,
    )


@blueprint.post("/sim/<number>/text")
@guards.needs(guards.Permission.DEMO)
def text(number: str) -> ResponseReturnValue:
    """Send a text from a phone to the clinic."""
    world = _world()
    body = request.form.get("body", "")[:LONGEST_TEXT]
    world.gateway.text(number, body, 1 if request.form.get("picture") else 0)
    simulating.react(world)
    return redirect(url_for("simulator.phone", number=number) + "#end", 303)


@blueprint.post("/sim/clock")
@guards.needs(guards.Permission.DEMO)
def move_clock() -> ResponseReturnValue:
    """Move the clinic's time: an hour, a day, or to the next prompt."""
    world = _world()
    now = world.clock.now()
    steps = {"hour": now + timedelta(hours=1), "day": now + timedelta(days=1), "next": simulating.next_prompt(world)}
    target = steps.get(request.form.get("by", ""))
    if target is not None and target > now:
        simulating.advance(world, target)
    else:
        simulating.catch_up(world, now)
    number = request.form.get("number")
    back = url_for("simulator.phone", number=number) + "#end" if number else url_for("simulator.phones")
    return redirect(back, 303)


@blueprint.post("/sim/failures")
@guards.needs(guards.Permission.DEMO)
def set_failures() -> ResponseReturnValue:
    """Set what goes wrong on the simulated line, for everybody or for one phone."""
    world = _world()
    number = request.form.get("number", "")[:LONGEST_NUMBER]
    back = url_for("simulator.phone", number=number) if number else url_for("simulator.phones")
    if request.form.get("heal"):
        world.gateway.heal(number or None)
        return redirect(back, 303)
    chosen = {name: bool(request.form.get(name)) for name, _ in SWITCHES}
    wait = _whole("retry_after", LONGEST_DELAY_SECONDS)
    world.gateway.fail(
        Failures(
            code=_whole("code", HIGHEST_CODE) or None,
            delay_seconds=float(_whole("delay", LONGEST_DELAY_SECONDS) or 0),
            retry_after_seconds=None if wait is None else float(wait),
            **chosen,
        ),
        number or None,
    )
    return redirect(back, 303)


def _whole(name: str, most: int) -> int | None:
    """Return a whole number of the form, or None when the field holds none; a larger one counts as the largest."""
    typed = request.form.get(name, "").strip()
    return min(int(typed[:12]), most) if typed.isascii() and typed.isdigit() else None
