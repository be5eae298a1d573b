"""A slice of what benchmarks/mutations.py opens each night, and that it sees what it looks for."""

import json
import os
import random
from contextlib import closing
from importlib.util import find_spec

import pytest

from benchmarks import mutations
from benchmarks.mutations import KINDS, MODELS, Trial, mutate, run, sample
from edge.isolated import Isolated


@pytest.mark.parametrize("kind", KINDS)
def test_no_mutant_kills_a_reader_or_is_let_in_wrongly_or_takes_long(kind):
    tally = run(kind, 12, random.Random(f"tests {kind}"), seconds=600)
    faults, died = [fault for fault, _ in tally.faults], []
    if kind in MODELS and find_spec("ai_edge_litert") is None:
        # tflite-runtime does not verify a model's structure: seldom one passes, and crashes in the reader.
        died = [fault for fault in faults if fault.startswith("the process that opened it died")]
    assert len(died) <= 1 and [fault for fault in faults if fault not in died] == []
    assert tally.outcomes.total() + len(died) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_mutated_is_read_while_it_is_whole(kind, tmp_path):
    with closing(Trial(kind)) as trial:
        trial.open(sample(kind, tmp_path))
    assert trial.tally.outcomes == {"read": 1}


def test_heic_is_left_out_where_it_cannot_be_read_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(mutations, "can_decode_heic", lambda: False)
    assert mutations.main(["--count", "1", "--kinds", "heic"]) == 0
    assert capsys.readouterr().out == "heic    left out: it needs digitcam's extra heif\n"


def test_mutants_are_changed_cut_and_grown():
    whole = bytes(range(256)) * 40
    rng = random.Random(3)
    sizes = [len(mutate(whole, rng)) for _ in range(200)]
    assert min(sizes) < len(whole) < max(sizes)
    assert sizes.count(len(whole)) > 50


def die(data):
    """What a decoder does with damage that it does not see."""
    os.abort()


def dawdle(data):
    return json.dumps(["read", 2.5]).encode()


def let_in(data):
    return json.dumps(["wrong contract", 0.1]).encode()


def fail(data):
    raise ZeroDivisionError("damage that nobody thought of")


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("die", "signal 6"),
        ("dawdle", "took 2.5 s of the processor's time"),
        ("let_in", "wrong contract"),
        ("fail", "ZeroDivisionError: damage that nobody thought of"),
    ],
)
def test_a_fault_is_seen(what, fault):
    with closing(Trial("png")) as trial:
        trial._reader = Isolated(f"test_mutations:{what}")
        trial.open(b"a mutant")
    ((found, mutant),) = trial.tally.faults
    assert fault in found
    assert mutant == b"a mutant"


def test_a_fault_of_this_process_is_seen(monkeypatch):
    monkeypatch.setattr(mutations, "load_model", fail)
    with closing(Trial("digits")) as trial:
        trial.open(b"a mutant")
    ((found, _),) = trial.tally.faults
    assert "ZeroDivisionError" in found


def test_the_faults_are_printed_kept_and_end_with_exit_code_1(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Trial, "open", lambda trial, mutant: trial.tally.faults.append(("it died", mutant)))
    assert mutations.main(["--count", "1", "--kinds", "png", "--keep", str(tmp_path)]) == 1
    assert "it died" in capsys.readouterr().out
    assert (tmp_path / "png-0-0").exists()
