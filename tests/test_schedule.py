"""The schedule alone, with an executor that does nothing."""

import pytest

from levelfield.result import RunResult, Status
from levelfield.spec import PlannedRun, RunSpec
from orchestrator.schedule import run_study

RUNS = [
    PlannedRun(spec=RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=seed), side="torch", pair=seed, turn=seed)
    for seed in range(3)
]


class Recorder:
    """Stands for the store, the listener and the executor; ``ends`` says how the run of each seed ends."""

    def __init__(self, ends):
        self.ends, self.recorded, self.heard, self.closed = ends, [], [], 0

    def execute(self, run, log):
        try:
            end = self.ends[run.spec.seed]
            if isinstance(end, BaseException):
                raise end
            if end:
                yield RunResult(status=end)
        finally:
            self.closed += 1

    def record(self, key, planned, result, *, started_at, finished_at):
        assert started_at <= finished_at
        self.recorded.append((key.spec_hash == planned.spec.hash, planned.spec.seed, key.attempt, result.status))

    def started(self, run, attempt):
        self.heard.append(run.spec.seed)

    def event(self, run, event):
        pass


def run(ends, tmp_path):
    recorder = Recorder(ends)
    todo = [(planned, 1 + planned.spec.seed) for planned in RUNS]
    return recorder, lambda: run_study("s", todo, executor=recorder, store=recorder, listener=recorder, logs=tmp_path)


def test_every_run_is_recorded_once_and_a_failure_stops_nothing(tmp_path):
    recorder, go = run([Status.OK, Status.FAILED, Status.OK], tmp_path)
    assert go() == [Status.OK, Status.FAILED, Status.OK]
    assert recorder.recorded == [(True, 0, 1, Status.OK), (True, 1, 2, Status.FAILED), (True, 2, 3, Status.OK)]
    assert recorder.heard == [0, 1, 2]
    assert recorder.closed == 3


def test_a_run_without_a_result_has_failed(tmp_path):
    recorder, go = run([None, Status.OK, Status.OK], tmp_path)
    assert go()[0] is Status.FAILED
    assert recorder.recorded[0][3] is Status.FAILED


def test_an_interrupt_is_recorded_for_the_run_in_progress_and_ends_the_study(tmp_path):
    recorder, go = run([Status.OK, KeyboardInterrupt(), Status.OK], tmp_path)
    with pytest.raises(KeyboardInterrupt):
        go()
    assert [entry[1::2] for entry in recorder.recorded] == [(0, Status.OK), (1, Status.CANCELLED)]
