"""Which pair begins next: pure, so nothing is started here."""

from types import SimpleNamespace

import pytest

from orchestrator.conductor import Agenda, Conductor, Entry


def pairs(*numbers):
    return [SimpleNamespace(pair=number) for number in numbers]


def entry(study_id, *numbers, **settings):
    return Entry(study_id=study_id, agenda=Agenda([pairs(*numbers)]), **settings)


def began(conductor):
    """All that can begin now."""
    found = []
    while following := conductor.next():
        found.append((following[0].study_id, following[1].pair))
    return found


def test_a_stage_begins_when_the_one_before_is_done_and_it_ends_where_it_is_decided():
    asked = []
    answers = iter([False, True])
    agenda = Agenda([pairs(1, 2), pairs(3), pairs(4)], lambda: asked.append(len(asked)) or next(answers))
    assert [agenda.take().pair, agenda.take().pair, agenda.take()] == [1, 2, None]
    agenda.done()
    assert (agenda.take(), asked) == (None, []), "the other pair of the stage is still at work"
    agenda.done()
    assert (agenda.take().pair, agenda.take(), agenda.is_over) == (3, None, False)
    agenda.done()
    assert (agenda.take(), agenda.is_over, len(asked)) == (None, True, 2)


def test_a_stage_that_was_done_before_is_looked_at_and_an_empty_agenda_is_over():
    assert Agenda([[], pairs(1)], lambda: True).is_over
    going_on = Agenda([[], pairs(1)], lambda: False)
    assert (going_on.is_over, going_on.take().pair) == (False, 1)
    assert Agenda([]).is_over


def test_what_is_abandoned_begins_nothing_and_is_over_with_what_is_at_work():
    agenda = Agenda([pairs(1, 2), pairs(3)])
    agenda.take()
    agenda.abandon()
    assert (agenda.take(), agenda.is_over) == (None, False)
    agenda.done()
    assert agenda.is_over


def test_as_many_pairs_are_at_work_as_there_is_room():
    conductor = Conductor()
    conductor.add(given := entry("a", *range(5), room=2))
    assert began(conductor) == [("a", 0), ("a", 1)]
    conductor.done(given)
    assert began(conductor) == [("a", 2)]


def test_priority_comes_first_then_order_and_nothing_is_interrupted():
    conductor = Conductor()
    conductor.add(low := entry("low", 0, 1, 2, room=2))
    assert began(conductor) == [("low", 0), ("low", 1)]
    conductor.add(entry("later", 0, room=2, priority=5, order=2))
    conductor.add(entry("high", 0, room=2, priority=5, order=1))
    assert began(conductor) == []
    conductor.done(low)
    conductor.done(low)
    assert began(conductor) == [("high", 0), ("later", 0)]


def test_a_study_that_has_no_room_leaves_it_to_others():
    conductor = Conductor()
    conductor.add(entry("one at a time", 0, 1, room=1, priority=1))
    conductor.add(entry("many", 0, 1, 2, 3, room=3))
    assert began(conductor) == [("one at a time", 0), ("many", 0), ("many", 1)]


def test_what_is_over_is_given_once():
    conductor = Conductor()
    conductor.add(given := entry("a", 0))
    began(conductor)
    assert conductor.take_over() == []
    conductor.done(given)
    assert (conductor.take_over(), conductor.take_over(), conductor.entries) == ([given], [], [])


@pytest.mark.parametrize("decided", [True, False])
def test_an_undecided_study_waits_for_its_stage_while_others_use_the_room(decided):
    conductor = Conductor()
    looked = Entry(study_id="looked", agenda=Agenda([pairs(0), pairs(1)], lambda: decided), room=2, priority=1)
    conductor.add(looked)
    conductor.add(entry("other", 0, 1, 2, room=2))
    assert began(conductor) == [("looked", 0), ("other", 0)]
    conductor.done(looked)
    assert began(conductor) == [("other", 1) if decided else ("looked", 1)]
