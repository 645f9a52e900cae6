"""What is wrong with a study is said by field, value and what is allowed, before anything is started."""

import pytest

from levelfield.problems import StudyError
from levelfield.services import ServiceError, discover
from levelfield.study import Study, check_study, parse_study, read_study

SERVICES = discover()
GOOD = {"name": "good", "workloads": ["digits_cnn"], "frameworks": ["torch", "tensorflow"]}


def problems_of(**changes):
    with pytest.raises(StudyError) as caught:
        check_study(GOOD | changes, SERVICES, source="study.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workloads": ["digit_cnn"]}, ["workloads[0]", "'digit_cnn'", "cifar10_cnn, digits_cnn", "Did you mean 'digits_cnn'?"]),
        ({"frameworks": ["pytorch"]}, ["frameworks[0]", "'pytorch'", "tensorflow, torch", "Did you mean 'torch'?"]),
        ({"frameworks": []}, ["frameworks", "at least 1"]),
        ({"frameworks": ["torch", {"framework": "torch", "mode": "egaer"}]}, ["frameworks[1].mode", "'egaer'", "Did you mean 'eager'?"]),
        ({"frameworks": [{"framework": "torch", "moed": "eager"}]}, ["frameworks[0].moed", "unknown field", "Did you mean 'mode'?"]),
        ({"batchsize": 32}, ["batchsize", "unknown field", "Did you mean 'batch_size'?"]),
        ({"batch_size": -3}, ["batch_size", "greater than 0", "-3"]),
        ({"batch_size": "many"}, ["batch_size", "integer", "'many'"]),
        ({"epochs": True}, ["epochs", "integer"]),
        ({"learning_rate": 0.0}, ["learning_rate", "greater than 0"]),
        ({"precision": "fp8"}, ["precision", "'fp8'", "fp32"]),
        ({"track": "mached"}, ["track", "'mached'", "Did you mean 'matched'?"]),
        ({"device": "gpu"}, ["device", "'gpu'", "cpu, cuda"]),
        ({"seeds": 0}, ["seeds", "1 to 100000", "given: 0"]),
        ({"seeds": [3, 3]}, ["seeds", "distinct", "[3, 3]"]),
        ({"seeds": [-1]}, ["seeds", "each 0 to"]),
        ({"seeds": [2**31]}, ["seeds", "each 0 to 2147483647"]),
        ({"seeds": 10**9}, ["seeds", "1 to 100000"]),
        ({"epochs": 10**6}, ["epochs", "100000"]),
        ({"frameworks": ["torch"] * 101}, ["frameworks", "at most 100"]),
        ({"seeds": 100_000, "workers": [1, 2]}, ["seeds", "400,000 runs", "at most 200,000"]),
        ({"learning_rate": float("inf")}, ["learning_rate", "finite"]),
        ({"threads": 100_000}, ["threads", "4096"]),
        ({"frameworks": [{"framework": "torch", "label": " "}]}, ["frameworks[0].label"]),
        ({"frameworks": [{"framework": "torch", "label": "a\nb"}]}, ["frameworks[0].label"]),
        ({"frameworks": [{"framework": "torch", "label": "a"}, {"framework": "torch", "label": "a"}]}, ["two sides have the same label"]),
        ({"margin": 3}, ["margin", "less than 1"]),
        ({"workloads": ["digits_cnn", "digits_cnn"]}, ["workloads", "only once"]),
        ({"workloads": None}, ["workloads", "list"]),
        ({"name": "Two Words"}, ["name", "'Two Words'"]),
    ],
)
def test_each_problem_names_field_value_and_what_is_allowed(changes, words):
    message = problems_of(**changes)
    assert message.startswith("study.yaml: ")
    for word in words:
        assert word in message


def test_all_problems_are_named_at_once():
    message = problems_of(batch_size=-1, epochs=0, nonsense=1)
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [1", "is not YAML"),
        ("just words", "expected fields and values, got str"),
        ("", "got NoneType"),
        ("\x00", "is not YAML"),
        ("a: 2020-13-77", "is not YAML"),
        ("[" * 5000, "is not YAML"),
    ],  # a day that no calendar has; too deep
)
def test_a_file_that_is_no_study_is_refused(tmp_path, content, words):
    file = tmp_path / "study.yaml"
    file.write_text(content)
    with pytest.raises(StudyError, match=words):
        read_study(file, SERVICES)


def test_what_is_wrong_is_told_in_short_whatever_it_is():
    nine = ", ".join(["{}"] * 9)
    lines = [
        f"{name}: &{name} [{nine.format(*[value] * 9)}]"
        for name, value in zip("abcdefgh", ["x", *(f"*{one}" for one in "abcdefg")], strict=True)
    ]
    huge = "seeds: 0x" + "f" * 20_000
    for text in ("\n".join([*lines, "title: *h"]), huge):
        with pytest.raises(StudyError) as caught:
            parse_study(text, SERVICES, name="s", source="s")
        assert all(len(str(problem)) < 2000 for problem in caught.value.problems)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_study(tmp_path / "none.yaml", SERVICES)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(StudyError, match=r"cannot be read|is not YAML"):
        read_study(tmp_path / "binary.yaml", SERVICES)


def test_the_name_comes_from_the_file_where_none_is_given(tmp_path):
    file = tmp_path / "My First Study!.yaml"
    file.write_text("workloads: [digits_cnn]\nframeworks: [torch]\n")
    assert read_study(file, SERVICES).name == "my-first-study"


def test_modes_and_precisions_are_filled_in_so_that_the_stored_study_is_complete():
    study = check_study(GOOD | {"precision": "fp64"}, SERVICES, source="s")
    assert [(s.mode, s.precision) for s in study.frameworks] == [("eager", "fp64"), ("graph", "fp64")]
    assert Study.model_validate(study.model_dump(mode="json")) == study


@pytest.mark.parametrize(
    ("frameworks", "labels"),
    [
        (["torch", "tensorflow"], ["torch", "tensorflow"]),
        (["torch", "torch"], ["torch #1", "torch #2"]),
        (["torch", {"framework": "torch", "mode": "compile"}], ["torch", "torch compile"]),
        ([{"framework": "torch", "label": "mine"}, "torch"], ["mine", "torch"]),
    ],
)
def test_every_side_has_a_label_of_its_own(frameworks, labels):
    study = check_study(GOOD | {"frameworks": frameworks}, SERVICES, source="s")
    assert [side.label for side in study.frameworks] == labels


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"precision": "fp64"}, "precision"),
        ({"frameworks": ["torch", {"framework": "tensorflow", "precision": "bf16"}]}, r"frameworks\[1\]"),
    ],
)
def test_the_article_track_is_float32_alone(fields, field):
    good = GOOD | {"frameworks": ["torch", "tensorflow"], "track": "article"}
    assert check_study(good, SERVICES, source="s").track == "article"
    with pytest.raises(StudyError, match=rf"{field}.*: the track article is fp32"):
        check_study(good | fields, SERVICES, source="s")


def test_every_study_in_the_repository_is_good():
    from levelfield.services import ROOT

    files = sorted((ROOT / "studies").rglob("*.yaml"))
    assert len(files) >= 9
    for file in files:
        read_study(file, SERVICES)


def test_a_service_description_that_is_wrong_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "odd_worker"
    folder.mkdir()
    (folder / "service.toml").write_text('name = "odd"\ncolour = "blue"\n')
    monkeypatch.setenv("LEVELFIELD_SERVICES", str(tmp_path))
    with pytest.raises(ServiceError, match=r"service.toml.*colour"):
        discover()
