"""The audit for readers: beside the result, and the whole of it."""

import io
import json

import pytest
from rich.console import Console

from levelfield.report import explain
from levelfield.report.analysis import analyse
from levelfield.report.render import to_dict, to_markdown, to_rich
from tests.report.study_factory import TENSORFLOW, TORCH, drop, end, frames


def shown(renderable, width=120):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(renderable)
    return " ".join(console.export_text().split())


def says(given, side, **description):
    """Let every run of a side say something else."""
    for row in given.runs.index[given.runs["side"] == side]:
        given.runs.at[row, "description"] = given.runs.at[row, "description"] | description
    return given


def silent():
    given = frames()
    given.runs["description"] = [
        {} if side == TORCH else said for side, said in zip(given.runs["side"], given.runs["description"], strict=True)
    ]
    return given


UNEQUAL = "What is not equal between them: 1 aspect, of what is computed: epsilon; `levelfield explain trial-1` lists them."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (frames(), UNEQUAL),
        (
            says(frames(), TORCH, mode="eager", tf32=True, dropout=["x"]),
            "between them: 4 aspects, of what is computed: epsilon, dropout and TF32; `levelfield explain trial-1`",
        ),
        (says(frames(), TORCH, epsilon="as tensorflow has it", mode="eager"), "1 aspect, of what is computed: none; `levelfield"),
        (says(frames(), TORCH, epsilon="as tensorflow has it"), "What is not equal between them: nothing that is reported. 12 aspects are"),
        (silent(), "What is not equal between them is not known: no run of PyTorch has told how it computes."),
    ],
)
def test_a_line_beside_the_result(given, sentence):
    analysis = analyse(given)
    assert sentence in shown(to_rich(analysis))
    assert sentence in to_markdown(analysis).replace("\\", "")


def test_the_report_s_json_holds_the_whole_audit():
    audit = to_dict(analyse(frames()))["workloads"][0]["comparisons"][0]["audit"]
    assert audit["differences"] == [{"aspect": "epsilon", "a": "as tensorflow has it", "b": "as torch has it", "group": "arithmetic"}]
    assert {"aspect": "threads", "value": "2", "group": "execution", "varies": False} in audit["equal"]
    assert (audit["a"], audit["runs_b"]) == ("tensorflow 1.0", 5)


def test_explain_lists_what_differs_and_counts_what_is_equal():
    analysis = analyse(frames())
    for text in (shown(explain.to_rich(analysis, everything=False)), explain.to_markdown(analysis, everything=False).replace("\\", "")):
        assert "TensorFlow (tensorflow 1.0) against PyTorch (torch 1.0)" in text
        for words in (
            "arithmetic",
            "epsilon",
            "as tensorflow has it",
            "as torch has it",
            "of TensorFlow and 5 of PyTorch",
            "11 aspects are",
        ):
            assert words in text
        assert "`--all` lists them" in text
        assert "Equal in every pair, but not the same in all of them: fingerprint of the initial weights." in text
        assert "Model 7" not in text


def test_explain_lists_what_is_equal_where_it_is_asked_to():
    analysis = analyse(frames())
    for text in (shown(explain.to_rich(analysis, everything=True)), explain.to_markdown(analysis, everything=True).replace("\\", "")):
        for words in (
            "processor",
            "Model 7",
            "package numpy",
            "training steps that are timed",
            "w0 in 1 run, w1 in 1 run, w2 in 1 run and 2",
        ):
            assert words in text
        assert "--all" not in text


def test_markdown_is_a_table_that_no_value_breaks():
    text = explain.to_markdown(analyse(says(frames(), TORCH, epsilon="<b>1 | 2</b>\n[x]")), everything=False)
    assert "| not equal |  | TensorFlow | PyTorch |" in text
    assert "| arithmetic | epsilon | as tensorflow has it | \\<b\\>1 \\| 2\\</b\\> \\[x\\] |" in text


def test_the_terminal_takes_brackets_and_fits_eighty_columns():
    analysis = analyse(says(frames(), TORCH, epsilon="[red]" + "a long value " * 20))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(explain.to_rich(analysis, everything=True))
    text = console.export_text()
    assert "[red]a long" in text
    assert max(map(len, text.splitlines())) <= 80


def test_json_names_the_sides_of_every_comparison():
    three = frames(sides=(TENSORFLOW, TORCH, "mine"), frameworks=(TENSORFLOW, TORCH, TORCH), speed=(3, 2, 1), accuracy=[0.9] * 3)
    found = json.loads(explain.to_json(analyse(three)))
    assert found["study"] == "trial-1"
    sides = [tuple(one["sides"][side]["label"] for side in "ab") for one in found["comparisons"]]
    assert sides == [(TENSORFLOW, TORCH), (TENSORFLOW, "mine"), (TORCH, "mine")]
    assert [len(one["differences"]) for one in found["comparisons"]] == [1, 1, 0]
    assert "mine (torch 1.0)" in explain.to_markdown(analyse(three), everything=False)


@pytest.mark.parametrize("given", [silent(), frames(sides=(TORCH,)), drop(frames(pairs=1), 2), end(frames(pairs=1), 2, "failed", "no")])
@pytest.mark.parametrize("everything", [False, True])
def test_every_study_can_be_explained(given, everything):
    analysis = analyse(given)
    assert "trial" in shown(explain.to_rich(analysis, everything=everything))
    assert explain.to_markdown(analysis, everything=everything).startswith("# trial")
    assert json.loads(explain.to_json(analysis))["title"] == "trial"
