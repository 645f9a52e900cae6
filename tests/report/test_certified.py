"""Parity certificates in the report: which one stands behind a comparison, what is said where none does, and how it is shown."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from levelfield.report.analysis import analyse
from levelfield.report.certified import layer_table, note, summarise
from levelfield.report.render import to_dict, to_json, to_markdown, to_rich
from tests.certificates import ALLOWED, certificate, row, side, with_rows
from tests.report.study_factory import TENSORFLOW, TORCH, end, frames


def only(given):
    (workload,) = analyse(given).workloads
    (comparison,) = workload.comparisons
    return comparison


def certified(*certificates, **options):
    """The comparison of ten pairs, so that the certificate alone decides about labels."""
    return only(frames(**({"pairs": 10} | options), certificates=certificates))


def unverified(comparison):
    """Why there is no certificate."""
    (label,) = comparison.labels
    assert label.name == "unverified"
    return label.why


def test_a_certificate_takes_the_label_away():
    comparison = certified(certificate())
    assert comparison.labels == ()
    assert comparison.certificate == summarise(certificate())


def test_the_order_of_the_certificate_s_sides_does_not_matter():
    assert certified(certificate(sides=(side("torch"), side("tensorflow")))).labels == ()


def test_without_a_certificate_the_sides_are_named():
    comparison = certified()
    assert unverified(comparison) == (
        "no parity certificate is stored for TensorFlow (tensorflow, eager) and PyTorch (torch, eager) in fp32 on cpu"
    )
    assert comparison.certificate is None


@pytest.mark.parametrize(
    "changes",
    [
        {"workload": "imdb_lstm"},
        {"track": "tuned"},
        {"precision": "fp64"},
        {"sides": (side("tensorflow"), side("tensorflow"))},
        {"sides": (side("tensorflow"), side("torch", mode="compiled"))},
        {"sides": (side("tensorflow"), side("torch", device="cuda"))},
    ],
)
def test_a_certificate_of_something_else_does_not_count(changes):
    assert "no parity certificate is stored" in unverified(certified(certificate(**changes)))


def test_a_certificate_that_failed_names_layer_and_step():
    failed = certificate(beyond="gradient/conv1/kernel")
    comparison = certified(failed)
    assert unverified(comparison) == f"the parity certificate of 2026-03-01 12:00 UTC failed: {failed.verdict}"
    assert "at step 3, layer conv1" in unverified(comparison)
    assert (comparison.certificate.passed, comparison.certificate.diverged) == (False, "conv1")


@pytest.mark.parametrize(("column", "value", "said"), [("precision", "bf16", "fp32"), ("device", "cuda", "cpu")])
def test_sides_in_different_precisions_or_on_different_devices_cannot_be_certified(column, value, said):
    given = frames(pairs=10, certificates=(certificate(),))
    given.runs.loc[given.runs["side"] == TORCH, column] = value
    assert (
        unverified(only(given))
        == f"a comparison of different {column}s cannot be certified: TensorFlow ran with {said}, PyTorch with {value}"
    )


def test_a_framework_against_itself_needs_a_certificate_too():
    options = {"sides": ("torch #1", "torch #2"), "frameworks": (TORCH, TORCH)}
    assert "no parity certificate is stored for torch #1 (torch, eager) and torch #2 (torch, eager)" in unverified(certified(**options))
    assert certified(certificate(sides=(side("torch"), side("torch"))), **options).labels == ()


def test_a_side_without_runs_is_unverified():
    given = frames(pairs=10, certificates=(certificate(),))
    given.runs = given.runs[given.runs["side"] == TENSORFLOW]
    assert next(label.why for label in only(given).labels if label.name == "unverified").startswith("no run of PyTorch is recorded yet")


def test_the_article_track_is_not_aligned_by_design():
    (label,) = certified(certificate(track="article"), track="article").labels
    assert label.name == "not aligned"
    assert "each framework draws its own initial weights and order of examples and has its own preprocessing" in label.why


LABELS = {
    "unverified": ["unverified source"],
    "own": ["own data"],
    "synthetic": ["made-up data"],
    "official": [],
    "embedded": [],
    None: [],
}


@pytest.mark.parametrize(("source", "labels"), LABELS.items())
def test_data_that_is_not_the_official_files_is_labelled(source, labels):
    given = frames(pairs=10, certificates=(certificate(data_fingerprint="0123456789abcdef"),))
    given.runs.loc[given.runs["run_id"] == 4, ["data_source"]] = source
    given.runs["data_fingerprint"] = "0123456789abcdef"
    found = only(given).labels
    assert [label.name for label in found] == labels
    words = {
        "unverified source": "official checksums (fingerprint 0123456789ab); that concerns the data alone, not parity",
        "own data": "a folder of one's own (fingerprint 0123456789ab); that concerns",
        "made-up data": "are made up (fingerprint 0123456789ab): accuracy and time to target say nothing of real ones",
    }
    for label in found:
        assert words[label.name] in label.why


def test_a_run_that_does_not_count_does_not_decide_about_the_data():
    given = end(frames(pairs=11, certificates=(certificate(),)), 4, "failed", "lost")
    given.runs.loc[given.runs["run_id"] == 4, "data_source"] = "unverified"
    assert only(given).labels == ()


def test_each_layer_shows_what_came_nearest_to_its_tolerance():
    tighter = replace(row("gradient/conv1/bias", 9e-8), tolerance=1e-7)  # nearer to its own tolerance than the kernel, though smaller
    summary = summarise(with_rows(certificate(), tighter))
    assert [one.layer for one in summary.layers] == ["conv1", "output", "loss"]
    conv = summary.layers[0].furthest
    assert (conv["gradient"].tensor, conv["gradient"].relative, conv["gradient"].tolerance) == ("conv1/bias", 9e-8, 1e-7)
    assert (conv["output"].relative, conv["parameter"].relative) == (2e-7, 6e-7)
    header, rows = layer_table(summary)
    assert header == ("layer", "output", "gradient", "parameter")
    assert rows[2] == ("loss", (("5.0e-08", "allowed 1.0e-06 at step 5, dropout off"), ("", ""), ("", "")))


def test_a_tensor_beyond_its_tolerance_is_never_hidden_behind_another():
    shape = replace(row("gradient/conv1/bias", 0.5 * ALLOWED), failed_at=7)
    (_, (_, gradient, _)) = layer_table(summarise(with_rows(certificate(), shape)))[1][0]
    assert gradient == ("5.0e-07", "allowed 1.0e-06 at step 5, dropout off; BEYOND")


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_difference_that_is_not_finite_is_missing_in_json_and_said_in_words(bad):
    failed = certificate(beyond="output/conv1", relative=bad)
    given = frames(certificates=(failed,))
    plain = json.loads(to_json(analyse(given)))["workloads"][0]["comparisons"][0]["certificate"]
    assert plain["layers"][0]["furthest"]["output"]["relative"] is None
    assert layer_table(summarise(failed))[1][0][1][0] == ("not finite", "allowed 1.0e-06 at step 3, dropout off; BEYOND")


def test_json_holds_the_certificate_whole():
    plain = to_dict(analyse(frames(certificates=(certificate(earlier=("seed 3: no",)),))))["workloads"][0]["comparisons"][0]["certificate"]
    assert (plain["passed"], plain["steps"], plain["precision"], plain["batch_size"], plain["seed"]) == (True, 20, "fp32", 32, 0)
    assert (plain["verdict"], plain["earlier"]) == (certificate().verdict, ["seed 3: no"])
    assert [layer["layer"] for layer in plain["layers"]] == ["conv1", "output", "loss"]
    assert plain["tolerances"]["loss"] == "1.0e-06: tried"


def test_text_shows_one_line_where_a_certificate_passed_and_a_label_where_it_failed():
    for given, words in (
        (
            frames(pairs=10, certificates=(certificate(),)),
            "Certified: tensorflow (eager) and torch (eager) compute the same function: over 20",
        ),
        (
            frames(pairs=10, certificates=(certificate(beyond="output/conv1"),)),
            "unverified (the parity certificate of 2026-03-01 12:00 UTC",
        ),
    ):
        console = Console(width=5000, record=True, file=io.StringIO())
        console.print(to_rich(analyse(given)))
        for text in (console.export_text(), to_markdown(analyse(given))):
            assert text.count(words) == 1
            assert ("Certified: " in text, "unverified" in text) == (words.startswith("Certified"), words.startswith("unverified"))
            assert "Labels: ." not in text
            assert "Track matched: What does the framework itself change?" in text


def test_the_line_of_a_certificate_names_other_seeds():
    assert note(summarise(certificate())).endswith("(certificate of 2026-03-01 12:00 UTC).")
    tried = summarise(certificate(earlier=("seed 3: no", "seed 4: neither")))
    assert note(tried).endswith("(certificate of 2026-03-01 12:00 UTC; other seeds were tried before: seed 3: no; seed 4: neither).")
