"""Plans become prompts and waiting texts, and follow the procedure."""

from prom.storage import messages, plans


def test_enrolment_plans_every_prompt_and_queues_those_before_the_procedure(store, asha):
    with store.reading() as session:
        rows = plans.prompts(session, asha.id)
        assert [row.time_point for row in rows][:4] == ["d-7", "d-1", "d3", "d7"]
        assert [bool(messages.of_prompt(session, row.id)) for row in rows][:4] == [True, True, False, False]
