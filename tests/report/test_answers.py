"""A comparison, question by question."""

import pytest

from levelfield.report.analysis import analyse
from levelfield.report.answers import answers
from levelfield.report.failures import nothing_counts
from levelfield.result import Failure, Status
from levelfield.store import Store
from levelfield.store.frames import load
from tests.ui.stores import fill, result


@pytest.fixture
def told(tmp_path):
    """The answers of a study made with the given options, by question."""

    def ask(**options):
        url = str(tmp_path / "answers.db")
        with Store.open(url) as store:
            fill(store, **options)
        analysis = analyse(load("digits-1", url))
        workload = analysis.workloads[0]
        return {one.question: one for one in answers(workload.comparisons[0], analysis, workload.case)}

    return ask


def with_memory(ratio):
    def make(side, seed):
        found = result(side, seed, speed=1.3 if side == "torch" else 1)
        found.memory_bytes["process_peak_rss"] = int((ratio if side == "torch" else 1) * (1 + 0.001 * seed) * 500 * 2**20)
        return found

    return make


def test_each_question_has_its_sentence_with_effect_and_interval(told):
    found = told(seeds=6, make=with_memory(1.5))
    assert list(found) == ["Faster?", "More accurate?", "Sooner at the target?", "Less memory?"]
    assert found["Faster?"].outcome == "found"
    assert found["Faster?"].favours == "torch"
    assert "PyTorch trains" in found["Faster?"].sentence
    assert "95% interval" in found["Faster?"].sentence
    memory = found["Less memory?"]
    assert memory.sentence.startswith("The process's peak memory of PyTorch is 1.50 times that of TensorFlow (95% interval 1.50 to 1.50")
    assert memory.sentence.endswith("unadjusted, 6 pairs).")
    assert (memory.outcome, memory.favours) == ("described", "tensorflow")


def test_the_smaller_side_is_named_whichever_it_is(told):
    memory = told(seeds=6, make=with_memory(0.5))["Less memory?"]
    assert "of TensorFlow is 2.00 times that of PyTorch" in memory.sentence
    assert memory.favours == "torch"


def test_an_interval_that_holds_equality_finds_nothing(told):
    def make(side, seed):
        found = result(side, seed)
        found.memory_bytes["process_peak_rss"] = (500 + (seed % 2 if side == "torch" else (seed + 1) % 2)) * 2**20
        return found

    memory = told(seeds=6, make=make)["Less memory?"]
    assert memory.sentence.startswith("No difference found")
    assert (memory.outcome, memory.favours) == ("open", None)


def test_too_few_pairs_say_nothing(told):
    found = told(seeds=4, make=with_memory(2))
    assert found["Less memory?"].sentence == "Not enough runs to tell (4 of 5 pairs)."
    assert {one.outcome for one in found.values()} == {"open"}
    assert "not enough runs" in found["Faster?"].sentence


def test_a_study_of_which_nothing_came_says_why(tmp_path):
    url = str(tmp_path / "failed.db")

    def make(side, seed):
        reason = "no device" if side == "torch" or seed == 0 else "killed"
        return result(side, seed, status=Status.FAILED, failure=Failure(reason=reason))

    with Store.open(url) as store:
        fill(store, make=make)
        fill(store, "well")
    first, *reasons = nothing_counts(analyse(load("digits-1", url)))
    assert first == "No run of this study ended well: of 10 recorded, 10 failed."
    assert reasons == ["6 runs of TensorFlow and PyTorch: no device.", "4 runs of TensorFlow: killed."]
    assert nothing_counts(analyse(load("well-1", url))) == []
