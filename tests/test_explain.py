"""``levelfield explain`` on a study that NumPy workers have run."""

import json

import pytest

from tests.platform_process import Platform


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two fakes that are the same program, one of them in double precision."""
    platform = Platform(tmp_path_factory.mktemp("explained"))
    sides = ["fake_a", {"framework": "fake_b", "precision": "fp64"}]
    platform.run("run", platform.study(sides, seeds=2))
    return platform


def test_what_is_not_equal_is_listed(finished):
    output = finished.run("explain", "latest")
    assert "precision" in output
    assert "fp64" in output
    assert "Told by 2 runs of NumPy as fake_a and 2 of " in output
    assert "training examples seen" not in output


def test_with_all_what_is_equal_is_listed_too(finished):
    output = finished.run("explain", "latest", "--all")
    for words in ("training examples seen", "2,874", "package numpy", "test examples in an evaluation", "360"):
        assert words in output


def test_as_markdown_and_as_json(finished):
    assert "| number format | precision | fp32 | fp64 |" in finished.run("explain", "--format", "md")
    (comparison,) = json.loads(finished.run("explain", "latest", "--format", "json"))["comparisons"]
    assert [difference["aspect"] for difference in comparison["differences"]] == ["precision", "worker code of NumPy"]
    assert len(comparison["equal"]) > 20


def test_it_stands_beside_the_result(finished):
    output = " ".join(finished.run("report", "latest").split())
    assert "What is not equal between them: 2 aspects, of what is computed: precision; `levelfield explain study-" in output


def test_a_study_that_is_not_there_is_answered_as_by_report(finished):
    answers = [finished.run(command, "gone", expect=2) for command in ("explain", "report")]
    assert answers[0] == answers[1]
    assert "there is no study 'gone'" in answers[0]
