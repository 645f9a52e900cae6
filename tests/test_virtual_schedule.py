"""Thousands of histories of the scheduler in virtual time (`tests.virtual`)."""

import pytest

from tests.virtual import World

HISTORIES = 3000


@pytest.mark.parametrize("first", range(0, HISTORIES, HISTORIES // 10))
def test_every_pair_is_recorded_once_whatever_is_killed_or_lost(first):
    """Or it is said that it has no place on what is left. `World` checks at every moment that nobody shares a device or is passed by."""
    killed = lost = waited = 0
    for seed in range(first, first + HISTORIES // 10):
        world = World(seed).run()
        assert not world.at_work, "somebody waits without end"
        assert not world.claims
        done = {key for key, number in world.recorded.items() if number}
        unplaced = {key for key, number in world.unplaced.items() if number}
        assert done | unplaced == world.wanted, f"seed {seed}"
        assert not done & unplaced
        killed += any(entry[1] == "is killed" for entry in world.history)
        lost += bool(unplaced)
        waited += any(a[0] < b[0] for a in world.history for b in world.history if a[1:] == ("begins", *b[2:4]) and b[1] == "holds")
    assert killed
    assert lost
    assert waited, "some had to wait for their devices"


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_replays_exactly(seed):
    assert World(seed).run().history == World(seed).run().history


def test_without_faults_everything_has_a_place():
    for seed in range(300):
        world = World(seed, kills=0, losses=0).run()
        assert not world.unplaced
        assert sum(world.recorded.values()) == len(world.wanted)


def test_a_large_gang_is_not_starved_by_small_pairs():
    """It asks once, and whoever asks later for a part of its devices waits behind it."""
    for seed in range(200):
        world = World(seed, processes=3, kills=0, losses=0)
        world.run()
        big = [study.name for process in world.processes for study in process.studies if study.workers == 4]
        for name in big:
            begins = [entry[0] for entry in world.history if entry[1:3] == ("begins", name)]
            holds = [entry[0] for entry in world.history if entry[1:3] == ("holds", name)]
            # Nobody holds for longer than 30, and no more can be before it than were when it asked.
            assert all(then - asked <= 30 * 12 for asked, then in zip(begins, holds, strict=True))
