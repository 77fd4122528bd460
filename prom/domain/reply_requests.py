"""What a text asks of the programme: no more texts, texts again, help, a pause, or later.

An opt-out counts in any words. The carrier knows only a few exact ones, and a patient who said stop and is texted again
has been ignored. So one slip of the finger in STOP is still STOP, while another word ("shop", "step") is not.
"""

import re

from prom.domain import reply_signals, reply_words
from prom.domain.reply_signals import Found
from prom.domain.reply_text import look_alike

LONGEST_WISH = 6
_STOP = "stop"
_NOT_STOP = frozenset({"shop", "step", "top", "atop", "slop", "strop", "stomp", "swop", "stow"})
_SPELT = frozenset(
    {"stopall", "unsubscribe", "optout", "stopnow", "stopit", "stoptexting", "stopplease", "pleasestop", "stoptext"}
    | {"stoptexts", "stopsms", "stopmsg", "stopmsgs", "stopmessage", "stopmessages", "stopthis", "stopend"}
)
_HOURS = frozenset({"hour", "hours", "hr", "hrs", "minute", "minutes", "min", "mins", "pm", "am"}) | frozenset(
    {"ghante", "ghanta", "घंटे", "घंटा", "घण्टे", "ghonta", "ghontar", "ঘণ্টা", "ঘন্টা", "ঘণ্টার"}
)
_SHOUTED = re.compile(r"\b(?:STOP|STOPALL|UNSUBSCRIBE)\b")
_MEANING = frozenset({"mean", "means", "meaning", "meant"})
_MEANING_ELSEWHERE = frozenset({"मतलब", "अर्थ", "matlab", "মানে", "অর্থ", "mane"})
_WHAT_ELSEWHERE = frozenset({"क्या", "kya", "কি", "কী", "ki"})
_QUESTION_OPENERS = (("what", "does"), ("what", "do"), ("what", "is"), ("whats",), ("meaning",), ("wat", "is"))


def opt_out(found: Found) -> str | None:
    """Return the name of the rule by which a text is an opt-out, or None."""
    if found.has("not_opt_out"):
        return None
    if _stop_alone(found):
        return "opt_out.stop_alone"
    if _stop_first(found) or _stop_last(found):
        return "opt_out.stop_and_more"
    for rule in reply_signals.possible(reply_words.lexicon().opt_outs, found):
        if any(True for _ in reply_signals.hits(rule, found)):
            return "opt_out.in_words"
    return None


def opt_out_beside_a_sign(found: Found) -> str | None:
    """Return the rule by which a text with a warning sign is an opt-out too: a request to stop may open or close it."""
    rule = opt_out(found)
    if rule is not None or found.has("not_opt_out"):
        return rule
    last = len(found.text.words)
    # One word alone says too little here: "bondho" may be the water that has stopped.
    spans = [span for span in found.spans.get("stop_alone", ()) if span[1] - span[0] > 1]
    opens = any(start == 0 for start, _ in spans)
    closes = any(end == last and start and found.text.breaks[start - 1] for start, end in spans)
    return "opt_out.beside_a_sign" if opens or closes else None


def _stop_alone(found: Found) -> bool:
    """Return whether nothing is said but a stop word, politeness and perhaps a number."""
    words = found.text.words
    if not 0 < len(words) <= reply_signals.LONGEST_REQUEST:
        return False
    if found.has("stop_bare_alone") and found.only("stop_bare_alone", "polite", "greeting"):
        return True
    fillers = found.covered("stop_alone", "stop_filler")
    slips = {at for at, word in enumerate(words) if _is_slip_of_stop(word)}
    if (found.has("stop_alone") or slips) and all(
        at in fillers or at in slips or word.isdigit() for at, word in enumerate(words)
    ):
        return True
    return _spelt_stop(found)


def _is_slip_of_stop(word: str) -> bool:
    """Return whether a word is STOP with one slip, and no other word."""
    plain = look_alike(word)
    return plain == _STOP or (len(plain) >= 3 and plain not in _NOT_STOP and reply_words.one_edit(plain, _STOP))


def _spelt_stop(found: Found) -> bool:
    """Return whether the glued pieces of a text spell a stop: "s.t.o.p", "st0p", "$top now"."""
    runs: list[str] = []
    for token in found.text.tokens:
        if token.kind == "mark" and token.text not in "$@":
            continue
        if token.glued and runs:
            runs[-1] += token.text
        else:
            runs.append(token.text)
    joined = look_alike("".join(runs))
    if joined == _STOP or joined in _SPELT:
        return True
    fillers = reply_words.words_of("stop_filler")
    left = [run for run in runs if run not in fillers and not run.isdigit()]
    return len(left) == 1 and len(left[0]) <= 14 and (_is_slip_of_stop(left[0]) or look_alike(left[0]) in _SPELT)


def _stop_first(found: Found) -> bool:
    """Return whether a text opens with STOP as a word of its own: "STOP, I am ill", "Stop. Leave it"."""
    words, breaks = found.text.words, found.text.breaks
    polite = found.covered("polite", "greeting")
    first = next((at for at in range(len(words)) if at not in polite), 0)
    if len(words) < first + 2 or words[first] not in {_STOP, "unsubscribe", "stopall"}:
        return False
    shouted = _stands_out(found.text.cased) and _SHOUTED.search(found.text.cased) is not None
    return bool(breaks[first]) or shouted or first + 1 in found.covered("stop_then")


def _stands_out(cased: str) -> bool:
    """Return whether capitals mean something: small letters, or letters that have no capitals, stand beside them."""
    return not cased.isupper() or not cased.isascii()


def _stop_last(found: Found) -> bool:
    """Return whether a text ends with STOP as a word of its own: "I am fine now. STOP"."""
    polite = found.covered("polite")
    last = next((at for at in range(len(found.text.words) - 1, 0, -1) if at not in polite), 0) + 1
    words, breaks = found.text.words[:last], found.text.breaks[:last]
    against = found.covered("cannot", "not_over", "negator", "please_dont")
    if len(words) < 2 or words[-1] != _STOP or len(words) - 2 in against:
        return False
    # "... Reply STOP" at the end of a longer text is our own sentence, cut off by a phone.
    if words[-2] == "reply" and len(words) > LONGEST_WISH:
        return False
    shouted = _stands_out(found.text.cased) and _SHOUTED.search(found.text.cased) is not None
    return (
        shouted
        or any(mark in breaks[-2] for mark in ".!;")
        or words[-2] in {"please", "pls", "plz"}
        or words[-2].isdigit()
    )


def states_a_number(found: Found) -> bool:
    """Return whether a number stands in a text as a word of its own, not as a look-alike letter in one ("st0p")."""
    tokens = found.text.tokens
    inside = {at for at in range(1, len(tokens)) if tokens[at].glued and tokens[at - 1].kind != "mark"}
    return any(token.kind == "number" and at not in inside and at + 1 not in inside for at, token in enumerate(tokens))


def opt_in(found: Found) -> bool:
    """Return whether the text is START or UNSTOP and nothing else: only these open a stopped phone again."""
    return found.has("start_alone") and found.only("start_alone")


def asks_for_help(found: Found) -> bool:
    """Return whether the text is HELP, INFO or a question about the programme, and nothing else."""
    if not found.text.words:
        return False
    if len(found.spans.get("help_alone", ())) == 1 and found.only("help_alone"):
        return True
    if found.has("help_question") and found.only("help_question", "help_filler"):
        return True
    return _asks_what_it_means(found) or _asks_about_the_scale(found)


def _asks_what_it_means(found: Found) -> bool:
    words = found.text.words
    opened = any(words[: len(opener)] == opener for opener in _QUESTION_OPENERS) and not _MEANING.isdisjoint(words)
    what = not _WHAT_ELSEWHERE.isdisjoint(words) or "?" in found.text.plain
    asked = what and not _MEANING_ELSEWHERE.isdisjoint(words)
    return (opened or asked) and len(words) <= 8 and not found.has("symptom")


def _asks_about_the_scale(found: Found) -> bool:
    ends = any(word.isdigit() or word in {"zero", "ten"} for word in found.text.words)
    asked = "?" in found.text.plain or found.text.words[0] in {"is", "does"}
    return (
        asked and found.has("scale_end") and ends and found.only("scale_end", "scale_word", "help_filler", numbers=True)
    )


def wants_pause(found: Found) -> bool:
    """Return whether the text pauses the prompts and says nothing else but for how long."""
    return found.has("paused") and found.only("paused", "pause_filler", numbers=True)


def wants_later(found: Found) -> bool:
    """Return whether the text asks to be asked again later; a number is allowed only as a number of hours."""
    hours = not _HOURS.isdisjoint(found.text.words)
    in_hours = hours and found.text.words[0] in {"in", "after"}
    return (found.has("later_word") or in_hours) and found.only("later_word", "later_filler", numbers=hours)
