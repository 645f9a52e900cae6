"""The record of where a run took place."""

import json
import os

from levelfield.measure import environment
from levelfield.measure.environment import describe_environment, source_hash, usable_cores


def test_the_record_is_plain_and_leaves_out_what_is_not_known():
    record = describe_environment(["numpy", "no-such-package"])
    assert json.loads(json.dumps(record)) == record
    assert record["packages"].keys() == {"numpy"}
    assert None not in record.values()
    assert record["memory_bytes"] > record["memory_available_bytes"] > 0


def test_variables_that_change_speed_are_recorded_and_others_are_not(monkeypatch):
    """TF_VAR_... are Terraform's and may hold secrets."""
    for name in ("OMP_NUM_THREADS", "TF_XLA_FLAGS", "TF_VAR_password", "PASSWORD"):
        monkeypatch.setenv(name, "1")
    recorded = describe_environment(())["variables"]
    assert {"OMP_NUM_THREADS", "TF_XLA_FLAGS"} <= recorded.keys()
    assert not {"TF_VAR_password", "PASSWORD"} & recorded.keys()


def test_an_image_and_its_commit_are_what_whoever_started_it_says(tmp_path, monkeypatch):
    for name in ("IMAGE", "IMAGE_DIGEST", "GIT_COMMIT", "GIT_CLEAN"):
        monkeypatch.delenv(f"LEVELFIELD_{name}", raising=False)
    assert environment.image() == {} == environment.git_state(tmp_path)
    monkeypatch.setenv("LEVELFIELD_IMAGE", "here/torch_worker@sha256:12")
    assert environment.image() == {"image": "here/torch_worker", "image_digest": "sha256:12"}
    monkeypatch.setenv("LEVELFIELD_IMAGE", "here/torch_worker:1")
    monkeypatch.setenv("LEVELFIELD_IMAGE_DIGEST", "sha256:34")
    assert environment.image() == {"image": "here/torch_worker:1", "image_digest": "sha256:34"}
    monkeypatch.setenv("LEVELFIELD_GIT_COMMIT", "abc")
    assert environment.git_state(tmp_path) == {"git_commit": "abc"}
    monkeypatch.setenv("LEVELFIELD_GIT_CLEAN", "false")
    assert environment.git_state(tmp_path) == {"git_commit": "abc", "git_clean": False}


def test_the_hash_is_over_sources_and_not_over_environments(tmp_path):
    for file in ("levelfield/a.py", "services/x_worker/service.toml", "services/x_worker/.venv/lib/b.py", "services/notes.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    before = source_hash(tmp_path)
    for file in ("services/x_worker/.venv/lib/b.py", "services/notes.txt"):
        (tmp_path / file).write_text("2")
        assert source_hash(tmp_path) == before
    for file in ("levelfield/a.py", "services/x_worker/service.toml"):
        (tmp_path / file).write_text("2")
        assert source_hash(tmp_path) != before
        before = source_hash(tmp_path)


def test_a_containers_quota_limits_the_cores(monkeypatch, tmp_path):
    cores = len(os.sched_getaffinity(0))
    for text, expected in (("max 100000", cores), ("50000 100000", 1), ("10000000 100000", min(cores, 100)), ("nonsense", cores)):
        (tmp_path / "cpu.max").write_text(text)
        monkeypatch.setattr(environment, "CPU_QUOTA", tmp_path / "cpu.max")
        assert usable_cores() == expected
