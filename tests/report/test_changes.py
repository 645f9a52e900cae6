"""What is not as it was, between a stored run and its repeats."""

from levelfield.report.audit import Difference
from levelfield.report.replay import compare
from tests.report.repeats import NEW, OLD, repeat, shown
from tests.report.study_factory import TENSORFLOW, frames


def test_what_is_not_as_it_was_is_listed_old_and_new():
    environment = {"cpu_model": "Model 8", "packages": {"numpy": "2.1"}, "variables": {"OMP_NUM_THREADS": "1"}, "git_commit": "b" * 40}
    description = {"framework": TENSORFLOW, "version": "1.1", "threads": 4, "epsilon": f"as {TENSORFLOW} has it"}
    own = {"noise": {"figures": {"wall_s": 1.0}}, "thread_use": {"kernel_share": 0.5}}
    new = repeat(NEW, environment=environment | own, description=description)
    found = compare(frames(), new, OLD, {})
    assert {difference.aspect: (difference.a, difference.b) for difference in found.differences} == {
        "framework": ("tensorflow 1.0", "tensorflow 1.1"),
        "threads": ("2", "4"),
        "processor": ("Model 7", "Model 8"),
        "package numpy": ("2.0", "2.1"),
        "variable OMP_NUM_THREADS": ("not set", "1"),
        "git commit": ("not reported", "b" * 12),
    }
    assert found.inexact == tuple(
        f"another {name}" for name in ("framework", "threads", "processor", "package numpy", "variable OMP_NUM_THREADS")
    )
    assert "Model 8" in shown(found)
    assert "What is not as it was" not in shown(compare(frames(), repeat(NEW), OLD, {}))


def test_what_a_run_died_too_early_to_tell_is_not_compared():
    new = repeat(NEW, description={}, environment={"cpu_model": "Model 8", "packages": {"numpy": "2.0"}})
    (difference,) = compare(frames(), new, OLD, {}).differences
    assert difference == Difference(aspect="processor", a="Model 7", b="Model 8", group="environment")
    assert compare(frames(), repeat(NEW, description={}, environment={}), OLD, {}).differences == ()


def test_repeats_that_differ_among_themselves_are_told_apart():
    new = repeat(101, 102)
    new.runs.at[1, "environment"] = {"cpu_model": "Model 8", "packages": {"numpy": "2.0"}}
    (difference,) = compare(frames(), new, OLD, {}).differences
    assert (difference.a, difference.b) == ("Model 7", "Model 7, Model 8")


def test_on_a_gpu_nothing_need_be_exact():
    given = frames()
    given.runs["device"] = "cuda"
    assert compare(given, repeat(NEW), OLD, {}).inexact == ("on cuda sums may be taken in any order",)
