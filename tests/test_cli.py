"""What the command line refuses: one clear message, exit status 2, nothing started and nothing written."""

import pytest

from tests.platform_process import Platform
from tests.services import write_service


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


def refused(platform, *words, expect=2):
    output = platform.run(*words, expect=expect, timeout=60)
    assert not platform.results.exists(), "something was written"
    assert "Traceback" not in output
    return output


def test_bad_studies_are_refused_before_anything_is_written(platform):
    output = refused(platform, "run", platform.study(["fake_a"], workloads=["digits_cn"], batch_size=-1))
    assert "error: " in output
    assert "Did you mean" not in output  # the structure is wrong: names are looked at once it is right
    assert "batch_size" in output
    output = refused(platform, "run", platform.study(["fake_a", "fake_c"]))
    assert "Did you mean 'fake_a'" in output or "Did you mean 'fake_b'" in output


def test_a_file_that_is_not_yaml_is_refused(platform):
    file = platform.folder / "study.yaml"
    file.write_text("a: [1")
    assert "is not YAML" in refused(platform, "run", str(file))
    assert "cannot be read" in refused(platform, "run", str(platform.folder / "none.yaml"))


def test_results_that_cannot_be_written_are_refused(platform):
    (platform.folder / "file").write_text("")
    output = refused(platform, "run", platform.study(["fake_a"]), "--results", str(platform.folder / "file" / "results"))
    assert "--results" in output
    assert "cannot be written" in output


def test_a_missing_environment_is_answered_with_the_command_that_makes_it(platform):
    write_service(platform.folder / "services", "absent", python="/nonexistent/python")
    output = refused(platform, "run", platform.study(["absent", "fake_a"]))
    assert "absent_worker/.venv/.setup" in output
    assert "make " in output


def test_an_address_where_nobody_answers_is_refused(platform):
    assert "HOST:PORT" in refused(platform, "run", platform.study(["fake_a"]), "--address", "nonsense")
    assert "nothing answers at 127.0.0.1:1" in refused(platform, "run", platform.study(["fake_a"]), "--address", "127.0.0.1:1")


def test_without_results_there_is_nothing_to_report(platform):
    for words in (["report"], ["explain"], ["studies"], ["resume", "latest"]):
        assert "levelfield run" in refused(platform, *words)


def test_an_unknown_format_or_command_is_refused(platform):
    assert "csv" in refused(platform, "report", "latest", "--format", "pdf")
    refused(platform, "rnu")


def test_help_names_every_command(platform):
    output = platform.run("--help")
    listed = (
        "run resume duel replay runs report explain frameworks studies doctor plan parity data serve queue cancel logs delete export import"
    )
    for command in listed.split():
        assert command in output


def test_the_plan_is_shown_without_starting_anything(platform):
    assert refused(platform, "plan", platform.study(["fake_a", "fake_b"], seeds=2), expect=0).count("fake_b") == 3, (
        "two runs and an estimate"
    )


def test_doctor_finds_what_is_missing_and_says_what_to_do(platform):
    write_service(platform.folder / "services", "absent", python="/nonexistent/python")
    output = platform.run("doctor", expect=1)
    assert "absent_worker/.venv/.setup" in output
    for words in ("Python 3.", "memory available", "/dev/shm", "can be written", "cores"):
        assert words in output


def test_odd_labels_and_titles_harm_nobody(platform):
    """Brackets are markup to the terminal, slashes folders to the log; neither may break a study that is stored for good."""
    side = {"framework": "fake_a", "label": "../../v1 [/b] [red]x"}
    platform.run("run", platform.study([side, "fake_b"], seeds=1, title="a [/b] [bold]title"))
    for words in (["studies"], ["report"], ["report", "--format", "md"], ["plan", str(platform.folder / "study.yaml")]):
        assert "v1 [/b] [red]x" in platform.run(*words).replace("\\", "")
    logs = [path.relative_to(platform.results / "logs").parts for path in (platform.results / "logs").rglob("*.log")]
    assert len(logs) == 2
    assert all(len(parts) == 2 for parts in logs)


def test_a_store_that_cannot_be_used_is_refused_before_anything_is_started(platform):
    (platform.folder / "no.db").write_text("this is not a database")
    for store in (str(platform.folder / "no.db"), "postgresql://u:secret@127.0.0.1:1/none"):
        output = platform.run("run", platform.study(["fake_a"]), "--store", store, expect=2)
        assert "starting the Ray nodes" not in output
        assert "secret" not in output
        assert "Traceback" not in output


def test_resuming_a_study_whose_framework_is_gone_says_so(platform):
    platform.run("run", platform.study(["fake_a"], seeds=1))
    (platform.folder / "services" / "fake_a_worker" / "service.toml").unlink()
    output = platform.run("resume", "latest", expect=2)
    assert "frameworks[0]" in output
    assert "'fake_a'" in output
