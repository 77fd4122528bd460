"""Every reason that the code can write has words on the pages: the keys are collected from the code itself."""

import ast
import importlib
import pathlib

import pytest

import prom
from prom.domain import reply_words
from prom.storage.models import AlertKind, MessageState, PromptState
from prom.web import clinician_words, coordinator_states, coordinator_words

PACKAGE = pathlib.Path(prom.__file__).parent
CODE = sorted([*PACKAGE.glob("services/*.py"), *PACKAGE.glob("storage/*.py"), *PACKAGE.glob("domain/*.py")])

# Where a call says its reason: by keyword `reason`, or at this place.
TASKS = {
    "open_task": None,
    "open_read_task": 2,
    "tell": 3,
    "hold_site": 2,
    "ForPeople": 0,
    "Reason": 0,
    "_for_people": 0,
}
TEXTS = {
    "stop": 3,
    "_stop": 3,
    "hold_back": 2,
    "cancel_prompts": 2,
    "end": 2,
    "again_later": 3,
    "_after_halt": 2,
    "_once_more": 3,
    "suppress_phone": 2,
    "not_sent": 1,
    "Suppress": 0,
    "Expire": 0,
    "Hold": 1,
    "_later": 2,
    "hold": 1,
    "_hold": 3,
    "hold_site": 2,
    "values": None,
}
# Functions that return a reason.
TEXTS_RETURNED = {"_number_trouble", "_why_late", "_ending", "_wanted_by_person"}
# What these calls are given is no reason of a text: other things are ended, stopped and stored there too.
NOT_OF_TEXTS = {"co_treatments.py", "invitations.py", "answers.py", "account.py"}
OF_AUDIT_ONLY = {"erasure.py"}


def strings(node, module):
    """Return the strings that an expression can be; the beginning of one that is put together, with a 1 behind it."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return strings(one, module) | strings(other, module)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values):
            return set().union(*(strings(value, module) for value in values))
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return {f"{text}1"}
    value = value_of(node, module)
    return {str(value)} if isinstance(value, str) else set()


def value_of(node, module):
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return getattr(getattr(module, owner, None), name, None)
        case ast.Name(id=name):
            return getattr(module, name, None)


def called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def said(node, place):
    """Return the expression by which a call gives its reason."""
    for keyword in node.keywords:
        if keyword.arg == "reason":
            return keyword.value
    return node.args[place] if place is not None and len(node.args) > place else None


def collected(calls, returned=frozenset(), assigned=()):
    """Return each reason with a file that writes it."""
    found = {}
    for path in CODE:
        module = importlib.import_module(f"prom.{path.parent.name}.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values = []
            if isinstance(node, ast.Call) and called(node) in calls:
                values = [said(node, calls[called(node)])]
            elif isinstance(node, ast.FunctionDef) and node.name in returned:
                values = [
                    one
                    for one in ast.walk(node)
                    if isinstance(one, ast.Constant) and one.value != ast.get_docstring(node, clean=False)
                ]
            elif isinstance(node, ast.Assign) and assigned:
                values = [value for target, value in pairs(node) if ast.unparse(target).endswith(assigned)]
            for value in values:
                found |= dict.fromkeys(strings(value, module), path.name)
    found.pop("", None)
    return found


def pairs(node):
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return zip(target.elts, node.value.elts, strict=True)
    return [(target, node.value)]


def of_tasks():
    found = {key for key, file in collected({}, assigned="reason").items() if file in {"dialogue.py", "stopping.py"}}
    found |= collected(TASKS).keys()
    lexicon = reply_words.lexicon()
    # The parser's own outcome begins with its rule.
    return (
        (set(found) - {"people.1"})
        | {rule.name for rule in lexicon.people}
        | {f"red_flag_{rule.name}" for rule in lexicon.alarms}
    )


def of_texts():
    found = collected(TEXTS, TEXTS_RETURNED, (".reason", ".held_reason"))
    keys = {key for key, file in found.items() if file not in NOT_OF_TEXTS | OF_AUDIT_ONLY and not key.startswith("%")}
    ends = {PromptState.ANSWERED, PromptState.MISSED, PromptState.NOT_SENT, PromptState.CANCELLED}
    failures = {MessageState.UNDELIVERED, MessageState.FAILED, "canceled"}
    return keys | {str(state) for state in ends | failures}


def test_the_keys_are_really_collected():
    known = {"channel_halted", "low_balance", "staff_not_texted", "consent_withdrawn", "asked_by_phone", "no_answer"}
    assert known | {"emergency_not_texted", "texts_ran_away", "help_me", "late_reply", "page_note"} <= of_tasks()
    known = {"quiet_hours", "system_off", "no_number", "staff_left", "channel_halted", "error_1", "restored", "moved"}
    assert known | {"opted_out", "procedure_cancelled", "no_text", "merged", "cap_texts", "withdrawn"} <= of_texts()


@pytest.mark.parametrize("reason", sorted(of_tasks()))
def test_every_reason_of_a_task_has_words_and_advice(app, reason):
    with app.test_request_context():
        found = coordinator_words.reason(reason)
    assert "A person should look at this" not in found.words
    assert found.advice


def test_every_kind_of_alert_has_words(app):
    with app.test_request_context():
        assert {kind.value for kind in AlertKind} <= set(clinician_words.kinds())


@pytest.mark.parametrize("reason", sorted(of_texts()))
def test_every_reason_of_a_text_or_a_question_has_words(app, reason):
    with app.test_request_context():
        words, known = coordinator_states.why_not(reason), coordinator_states.reasons()
    assert reason in known or reason.startswith(("error_", "limit_", "halted_", "cannot_be_written"))
    assert "_" not in words
