"""The four renderings."""

import csv
import io
import json

import pytest
from rich.console import Console

from levelfield.report.analysis import analyse
from levelfield.report.render import to_csv, to_dict, to_json, to_markdown, to_rich
from tests.report.study_factory import TORCH, drop, end, frames


def shown(given, width=120):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(to_rich(analyse(given)))
    return console.export_text()


def rows(given):
    return list(csv.DictReader(io.StringIO(to_csv(given, analyse(given)))))


def troubled():
    given = end(frames(), 4, "failed", "ValueError: [red]a | b[/red]\n<b>x</b>", 17)
    end(given, 6, "diverged", "the training loss is not finite at step 3", 3)
    end(given, 7, "cancelled")
    given.block_rows.loc[given.block_rows["run_id"] == 2, "steady"] = False
    return drop(given, 10)


@pytest.mark.parametrize("given", [frames(), troubled(), frames(pairs=1), frames(sides=(TORCH,)), drop(frames(pairs=1), 2)])
def test_every_rendering_takes_every_study(given):
    found = analyse(given)
    assert "NaN" not in to_json(found)
    assert json.loads(to_json(found)) == to_dict(found)
    for text in (to_markdown(found), shown(given), to_csv(given, found)):
        assert not {"nan", "None", "NaT", "<NA>"} & set(text.replace("(", " ").replace("|", " ").split())


def test_json_holds_raw_values_and_verdicts():
    plain = to_dict(analyse(frames()))
    comparison = plain["workloads"][0]["comparisons"][0]
    assert comparison["speed"]["outcome"] == "faster"
    assert comparison["effects"]["throughput"]["interval"].keys() == {"low", "high"}
    assert comparison["labels"][1]["name"] == "unverified"
    assert plain["workloads"][0]["sides"][0]["quantities"]["framework_peak"]["median"] is None
    assert plain["units"]["process_peak_rss"] == "bytes"


def test_json_names_runs_by_the_ids_that_replay_takes():
    (workload,) = to_dict(analyse(troubled()))["workloads"]
    assert [side["run_ids"] for side in workload["sides"]] == [[1, 3, 5, 7, 9], [2, 4, 6, 8]]
    assert [incident["run_id"] for incident in workload["incidents"]] == [7, 4, 6]


def test_markdown_has_sentence_labels_table_and_caption():
    text = to_markdown(analyse(frames()))
    assert "**Handwritten digits, small CNN: TensorFlow trains " in text
    assert "Labels: preliminary (fewer than 10 complete pairs: 5 for speed, 5 for accuracy), unverified (" in text
    assert "|  | TensorFlow | PyTorch | TensorFlow / PyTorch |" in text
    assert "| peak memory (RSS), MiB | 600 (600 to 600) | 400 (400 to 400) | 1.50 \\[1.50, 1.50\\] |" in text
    assert "median (min to max)" in text
    assert "unadjusted" in text


def test_markdown_lists_what_went_wrong_and_lets_no_markup_through():
    text = to_markdown(analyse(troubled()))
    assert "- 1 of 4 runs of PyTorch failed." in text
    assert "- PyTorch, seed 1, attempt 1: failed at step 17: ValueError: \\[red\\]a \\| b\\[/red\\] \\<b\\>x\\</b\\>" in text
    assert "- 1 of 4 runs of PyTorch diverged." in text
    assert "- 1 of 5 runs of TensorFlow was cancelled." in text
    assert "is missing in 1 of 4 runs of PyTorch: fewer than 100 steady steps." in text
    assert "TensorFlow / PyTorch: 1 of 5 pairs left out of every comparison: PyTorch: failed (seed 1)." in text
    assert "PyTorch: not recorded (seed 4)" in text
    assert "**incomplete**: 9 of 10 planned runs are recorded." in text


def test_the_terminal_shows_the_same_and_fits_eighty_columns():
    text = shown(troubled(), width=80)
    assert "[red]a | b[/red]" in text
    assert "1 of 4 runs of PyTorch failed." in text
    assert max(map(len, text.splitlines())) <= 80


def test_csv_has_one_row_for_each_run():
    found = rows(frames())
    assert [row["run_id"] for row in found] == [str(number) for number in range(1, 11)]
    assert list(found[0]) == [
        *[
            "study",
            "run_id",
            "workload",
            "workers",
            "track",
            "side",
            "framework",
            "seed",
            "pair",
            "attempt",
            "latest",
            "status",
            "test_accuracy",
        ],
        *[
            "speed_examples_per_s",
            "throughput_examples_per_s",
            "start_s",
            "time_to_train_s",
            "wall_s",
            "cost",
            "kernel_share",
            "exchange_share",
            "process_peak_rss_bytes",
            "framework_peak_bytes",
            "device_peak_bytes",
            "energy_joules",
            "energy_above_idle_joules",
        ],
        *["reason", "failure_step", "left_out_of_comparisons", "outside_reference"],
    ]
    assert float(found[0]["throughput_examples_per_s"]) == pytest.approx(3000, rel=0.1)
    assert (found[0]["process_peak_rss_bytes"], found[0]["framework_peak_bytes"]) == (str(600 * 2**20), "")


def test_csv_says_why_a_value_is_missing():
    found = rows(troubled())
    assert found[3]["reason"] == "ValueError: [red]a | b[/red] <b>x</b>"
    assert found[3]["failure_step"] == "17"
    assert found[3]["wall_s"] == ""  # of a run that failed no timing counts
    assert (found[2]["left_out_of_comparisons"], found[3]["left_out_of_comparisons"]) == ("PyTorch: failed", "PyTorch: failed")
    assert found[1]["reason"] == "throughput: fewer than 100 steady steps"


def test_long_lists_are_cut_in_text_and_whole_in_json():
    given = frames(pairs=30)
    for run_id in range(1, 61, 2):
        end(given, run_id, "failed", "no")
    text = to_markdown(analyse(given))
    assert text.count(": failed: no") == 20
    assert "... and 10 more; JSON and CSV have them all." in text
    assert len(to_dict(analyse(given))["workloads"][0]["incidents"]) == 30
