"""An archive from the command line: real processes, killed at any point, and what is there in the end."""

import importlib
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from archives import command, environment, manifest, pictures, plain, read, rows, said, sources, start
from PIL import Image
from samples import png_of_size, written

from edge.archive.batches import BatchReader, Read
from edge.archive.fetching import Listed, Pending
from edge.archive.rows import failed
from edge.archive.run import results
from edge.archive.settings import Settings
from edge.commands import main
from edge.workers import Answer, GivenUp, WorkerError


def descendants(pid):
    """The processes that a process has started, and theirs, deepest first."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in path.read_text().split():
                found += [*descendants(int(child)), int(child)]
        except OSError:
            continue
    return found


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def journal_size(out):
    """Bytes that the journal has written: some where a batch is done."""
    path = out / "_journal.sqlite-wal"
    return path.stat().st_size if path.exists() else 0


@pytest.fixture(scope="module")
def read_here(tmp_path_factory):
    """An archive with all that can be in one, and what is read of it by one worker."""
    folder = tmp_path_factory.mktemp("archive")
    pictures(folder / "in" / "2020", 4)
    pictures(folder / "in" / "2021" / "x", 3, first=200)
    (folder / "in" / "bad.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "in" / "empty.jpg"), np.full((240, 320), 210, np.uint8))
    pages = [Image.fromarray(written(text)) for text in ("25", "36")]
    pages[0].save(folder / "in" / "scan.tif", save_all=True, append_images=pages[1:])
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:05:06 07:08:09"
    Image.fromarray(written("88")).save(folder / "in" / "taken.jpg", exif=exif)
    done = read("in/**", "--out", "one.jsonl", "--workers", 1, cwd=folder)
    return folder, done


def test_an_archive_is_read_into_rows(read_here):
    folder, done = read_here
    assert done.returncode == 2
    assert done.stdout == ""
    assert "11 pictures read into one.jsonl" in done.stderr.splitlines()[-1]
    assert "1 could not be read: their rows tell why" in done.stderr
    found = {}
    for row in rows(folder / "one.jsonl"):
        found.setdefault((row["source"], row["page"]), []).append(row)
    assert len(found) == 12
    (bad,) = found["in/bad.jpg", 1]
    assert (bad["kind"], bad["text"]) == ("failed", None)
    assert "is no picture that can be read" in bad["error"]
    (empty,) = found["in/empty.jpg", 1]
    assert (empty["kind"], empty["width"], empty["height"]) == ("nothing", 320, 240)
    (page,) = found["in/scan.tif", 2]
    assert (page["kind"], page["number"], page["text"]) == ("number", 1, "36")
    assert {row["taken_at"] for row in found["in/taken.jpg", 1]} == {"2019-05-06T07:08:09"}
    assert all(row["modified_at"].endswith("Z") for of_one in found.values() for row in of_one)
    told = manifest(folder / "one.jsonl")
    assert (told["pictures"], told["failed"], told["rows"]) == (11, 1, sum(map(len, found.values())))
    assert told["finished_at"] > told["started_at"]


@pytest.mark.parametrize("place", [("--workers", 2), ("--cluster", "local", "--workers", 2)])
def test_the_rows_are_the_same_wherever_they_are_read(read_here, place):
    if "--cluster" in place:
        pytest.importorskip("distributed")
    folder, _ = read_here
    out = folder / f"{len(place)}.jsonl"
    done = read("in/**", "--out", out.name, *place, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert len(said(done.stderr)) == 1

    def key(row):
        return row["source"], row["page"], row["number"] or 0

    assert sorted(map(plain, rows(out)), key=key) == sorted(map(plain, rows(folder / "one.jsonl")), key=key)


def test_an_output_that_exists_is_gone_on_with_only_when_it_is_asked_for(read_here, monkeypatch, capsys):
    folder, _ = read_here
    monkeypatch.chdir(folder)
    before = rows(folder / "one.jsonl")
    assert main(["read", "in/**", "--out", "one.jsonl"]) == 2
    assert "one.jsonl exists: add --resume to go on with it, or name another --out" in capsys.readouterr().err
    assert main(["read", "in/**", "--out", "one.jsonl", "--resume", "--format", "000"]) == 2
    assert "one.jsonl was read otherwise: fields was [], and now is" in capsys.readouterr().err
    assert main(["read", "in/**", "--out", "one.jsonl", "--resume", "--rotation", "180"]) == 2
    assert "rotation was 0, and now is 180" in capsys.readouterr().err
    assert main(["read", "in/**", "--out", "one.jsonl", "--resume", "--quick"]) == 2
    assert "quick was false, and now is true" in capsys.readouterr().err
    assert rows(folder / "one.jsonl") == before


def test_other_models_are_told_and_not_mixed(read_here, monkeypatch, capsys):
    folder, _ = read_here
    monkeypatch.chdir(folder)
    path = folder / "one.jsonl" / "_manifest.json"
    before = path.read_text(encoding="utf-8")
    other = before.replace(manifest(folder / "one.jsonl")["page_model"]["sha256"], "0" * 64)
    path.write_text(other, encoding="utf-8")
    try:
        assert main(["read", "in/**", "--out", "one.jsonl", "--resume"]) == 2
        assert "digits were found by" in capsys.readouterr().err
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.slow
def test_what_is_new_in_an_archive_is_added(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "in", 2)
    assert main(["read", "in/*.jpg", "--out", "out.jsonl", "--workers", "1", "--resume"]) == 0
    first = rows(tmp_path / "out.jsonl")
    pictures(tmp_path / "in", 3, first=500)
    assert main(["read", "in/*.jpg", "--out", "out.jsonl", "--workers", "1", "--resume"]) == 0
    assert "5 pictures read" in capsys.readouterr().err
    found = rows(tmp_path / "out.jsonl")
    assert found[: len(first)] == first
    assert sources(tmp_path / "out.jsonl") == sorted(f"in/{k}.jpg" for k in (100, 101, 500, 501, 502))


@pytest.mark.slow
@pytest.mark.parametrize("place", [("--workers", 2), ("--cluster", "local", "--workers", 2)])
def test_after_ctrl_c_it_goes_on_where_it_was(tmp_path, place):
    if "--cluster" in place:
        pytest.importorskip("distributed")
    pictures(tmp_path / "in", 120)
    process = start("in/*.jpg", "--out", "out.jsonl", *place, cwd=tmp_path)
    with process:
        wait_for(lambda: journal_size(tmp_path / "out.jsonl") > 100_000)
        children = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said(err) == ["digitcam: error: stopped; what was read is in out.jsonl: go on with --resume"]
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    stopped = rows(tmp_path / "out.jsonl")
    assert 0 < len(sources(tmp_path / "out.jsonl")) < 120
    assert manifest(tmp_path / "out.jsonl")["finished_at"] is None
    done = read("in/*.jpg", "--out", "out.jsonl", "--workers", 2, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "out.jsonl")[: len(stopped)] == stopped
    assert sources(tmp_path / "out.jsonl") == sorted(f"in/{100 + k}.jpg" for k in range(120))


@pytest.mark.slow
def test_whatever_is_killed_every_picture_is_read_once(tmp_path):
    pictures(tmp_path / "in", 100)
    rng = np.random.default_rng(3)
    out = tmp_path / "out.jsonl"
    for number in range(3):
        process = start("in/*.jpg", "--out", "out.jsonl", "--workers", 2, "--resume", cwd=tmp_path)
        with process:
            before = journal_size(out)
            wait_for(lambda: len(descendants(process.pid)) >= 4 or process.poll() is not None)  # noqa: B023
            for victim in rng.permutation(descendants(process.pid))[: 1 + number]:
                os.kill(victim, signal.SIGKILL)
            wait_for(lambda: journal_size(out) != before or process.poll() is not None)  # noqa: B023
            process.kill()
    done = read("in/*.jpg", "--out", "out.jsonl", "--workers", 2, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sources(out) == sorted(f"in/{100 + k}.jpg" for k in range(100))
    texts = {(row["source"], row["number"]) for row in rows(out)}
    assert len(texts) == len(rows(out))


def test_a_picture_that_takes_too_long_or_too_much_has_a_row_and_the_next_is_read(tmp_path):
    paths = pictures(tmp_path, 2)
    scribbles = np.full((2000, 2000), 220, np.uint8)
    rng = np.random.default_rng(1)
    for _ in range(1500):
        start, end = rng.integers(0, 2000, (2, 2))
        cv2.line(scribbles, start.tolist(), (start + (end - start) // 12).tolist(), 60, 3, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "scribbles.png"), scribbles)
    forged = tmp_path / "forged.png"
    forged.write_bytes(png_of_size(9999, 9999))
    large = tmp_path / "large.png"
    cv2.imwrite(str(large), np.full((9900, 9900), 210, np.uint8))
    files = [paths[0], tmp_path / "scribbles.png", forged, large, paths[1]]
    reader = BatchReader(Settings(memory_limit=700 << 20))
    try:
        found = reader.do([Pending(k, Listed(str(path))) for k, path in enumerate(files)])
    finally:
        reader.close()
    first, crowded, cut, too_much, last = (read.rows for read in found)
    assert [read.again for read in found] == [False, False, False, True, False]
    assert first[0].kind == last[0].kind == "number"
    assert crowded[0].kind in ("number", "nothing")
    assert cut[0].kind == "failed" and "damaged" in cut[0].error
    assert too_much[0].kind == "failed" and ("memory" in too_much[0].error or "died" in too_much[0].error)
    reader = BatchReader(Settings(time_limit_s=0.002))
    try:
        (late,) = reader.do([Pending(0, Listed(str(tmp_path / "scribbles.png")))])
    finally:
        reader.close()
    assert late.rows[0].error.endswith(("it took more than 0.002 s", "has not come within 0.002 s"))
    assert late.again


@pytest.mark.slow
def test_what_a_share_that_was_gone_had_is_read_with_the_next_run_and_what_is_damaged_is_not(tmp_path):
    """Links that lead nowhere are listed, and not there: as files of a network drive that has gone."""
    pictures(tmp_path / "in", 3)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no picture")
    for name in ("500", "501"):
        (tmp_path / "in" / f"{name}.jpg").symlink_to(tmp_path / "share" / f"{name}.jpg")
    call = ("in/*.jpg", "--out", "out.jsonl", "--workers", 1, "--resume")
    out = tmp_path / "out.jsonl"
    for _ in range(2):
        done = read(*call, cwd=tmp_path)
        assert done.returncode == 2
        told = "6 pictures read into out.jsonl, 6 rows; 3 could not be read: their rows tell why; 2 of them"
        assert told in done.stderr
        failed_ones = {row["source"] for row in rows(out) if row["kind"] == "failed"}
        assert failed_ones == {"in/bad.jpg", "in/500.jpg", "in/501.jpg"}
        assert (manifest(out)["failed"], manifest(out)["again"], manifest(out)["rows"]) == (3, 2, 6)
    before = (out / "part-000000.jsonl").read_bytes()
    pictures(tmp_path / "share", 2, first=500)
    done = read(*call, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("6 rows; 1 could not be read: their rows tell why\n")
    assert sources(out) == sorted(f"in/{name}.jpg" for name in ("100", "101", "102", "500", "501", "bad"))
    assert {row["text"] for row in rows(out)} >= {"500", "501"}
    assert (out / "part-000000.jsonl").read_bytes() == before  # what was read is not read again


@pytest.mark.slow
def test_a_killed_run_leaves_what_it_reads_again_to_the_next(tmp_path):
    pictures(tmp_path / "in", 40)
    for k in range(200, 240):
        (tmp_path / "in" / f"{k}.jpg").symlink_to(tmp_path / "share" / f"{k}.jpg")
    call = ("in/*.jpg", "--out", "out.jsonl", "--workers", 1, "--resume")
    out = tmp_path / "out.jsonl"
    assert "40 of them" in read(*call, cwd=tmp_path).stderr
    pictures(tmp_path / "share", 40, first=200)
    process = start(*call, cwd=tmp_path)
    with process:
        wait_for(lambda: not list(out.glob("part-again-*")))
        wait_for(lambda: len(descendants(process.pid)) >= 2 or process.poll() is not None)
        process.kill()
    assert manifest(out)["finished_at"] is None
    done = read(*call, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sources(out) == sorted(f"in/{k}.jpg" for k in [*range(100, 140), *range(200, 240)])


def test_a_photo_that_an_extra_would_read_is_read_again_once_it_is_there(tmp_path, monkeypatch):
    """Without it, HEIC is of no kind that is known."""
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (tmp_path / "pillow_heif.py").write_text("raise ImportError('no such package')")
    monkeypatch.syspath_prepend(tmp_path)
    reader = BatchReader(Settings())
    try:
        (found,) = reader.do([Pending(0, Listed(str(path)))])
    finally:
        reader.close()
    assert "install digitcam's extra heif" in found.rows[0].error
    assert (found.again, found.missing, found.rows[0].kind) == (True, False, "failed")


def test_a_worker_that_does_not_find_what_is_here_ends_the_reading(tmp_path):
    """Ten million rows that say "not there" help nobody."""
    (here,) = pictures(tmp_path, 1)
    for source, told in ((here, True), (tmp_path / "gone.jpg", False)):
        item = Pending(1, Listed(str(source)))
        answer = Answer((item,), (Read((failed(str(source), 1, "it is not there"),), missing=True),))
        if told:
            with pytest.raises(WorkerError, match=f"does not find {here}, which is here: .*object store"):
                results(answer)
        else:
            assert [done.id for done in results(answer)] == [1]


def test_a_picture_with_which_all_workers_die_has_a_row():
    (done,) = results(GivenUp(Pending(7, Listed("a.jpg")), "it died (signal 9)"))
    (row,) = done.rows
    assert (done.id, row.kind, row.source, done.again) == (7, "failed", "a.jpg", True)
    assert row.error == "a.jpg ends each worker that reads it: it died (signal 9)"


def test_fields_are_read_in_each_picture_for_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "in", 1)
    cv2.imwrite(str(tmp_path / "in" / "empty.jpg"), np.full((240, 320), 210, np.uint8))
    settings = tmp_path / "digitcam.toml"
    settings.write_text('[[field]]\nname = "water"\nformat = "000"\n', encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["read", "in/*.jpg", "--out", "out.jsonl", "--workers", "1"]) == 0
    number, empty = sorted(rows(tmp_path / "out.jsonl"), key=lambda row: row["source"])
    assert (number["field"], number["text"]) == ("water", "100")
    assert (empty["kind"], empty["field"], empty["problem"]) == ("nothing", "water", "not found")
    assert manifest(tmp_path / "out.jsonl")["fields"] == [{"name": "water", "format": "000"}]


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_read_stays(tmp_path):
    pictures(tmp_path / "in", 60)

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        command("in/*.jpg", "--out", "out.jsonl", "--workers", 1),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=little_room,
    )
    assert done.returncode == 2
    (line,) = said(done.stderr)
    assert line.startswith("digitcam: error: cannot write ") and line.endswith("go on with --resume")
    done = read("in/*.jpg", "--out", "out.jsonl", "--workers", 1, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sources(tmp_path / "out.jsonl") == sorted(f"in/{100 + k}.jpg" for k in range(60))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["none/**/*.jpg", "--out", "x.csv"], "no picture matches none/**/*.jpg"),
        (["in/1.jpg", "--out", "x.csv"], "no such file or folder: in/1.jpg"),
        (["demo", "--out", "x.csv"], "expected files, folders, globs or addresses"),
        (["in", "--out", "x.txt"], "expected a name that ends in .parquet or .csv or .jsonl"),
        (["in", "--out", "in.csv"], "in.csv exists, and digitcam has not written it"),
        (["in", "--workers", "2"], "--workers goes with --out"),
        (["in", "--out", "x.csv", "--json"], "--json does not go with --out"),
        (["in", "--out", "x.csv", "--cluster", "nowhere"], "expected local or the address of a scheduler"),
        (
            ["in", "--out", "x.csv", "--cluster", "tcp://127.0.0.1:9"],
            "no Dask cluster answers at tcp://127.0.0.1:9",
        ),
        (
            ["in", "--out", "x.csv", "--cluster", "tcp://h:1", "--workers", "2"],
            "--workers is for this machine",
        ),
        (["zzz://bucket/*.jpg", "--out", "x.csv"], "zzz"),
        (["in", "--out", "x.csv", "--model", "none.tflite"], "none.tflite"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line_with_its_cure(tmp_path, monkeypatch, capsys, args, told):
    if "tcp://127.0.0.1:9" in args:
        pytest.importorskip("distributed")
        monkeypatch.setattr(importlib.import_module("edge.workers.cluster"), "CONNECT_S", 1.0)
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "in", 1)
    (tmp_path / "in.csv").mkdir()
    (tmp_path / "in.csv" / "mine.txt").write_text("mine")
    assert main(["read", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("digitcam: error: ")
    assert told in line
    assert not any((tmp_path / name).exists() for name in ("x.csv", "x.txt"))


@pytest.mark.parametrize(
    ("package", "args", "extra"),
    [
        ("pyarrow", ["in", "--out", "x.parquet"], "archive"),
        ("distributed", ["in", "--out", "x.csv", "--cluster", "local"], "cluster"),
        ("fsspec", ["memory://in/*.jpg", "--out", "x.csv"], "archive"),
    ],
)
def test_an_extra_that_is_missing_is_told_with_its_cure(tmp_path, package, args, extra):
    pictures(tmp_path / "in", 1)
    (tmp_path / f"{package}.py").write_text("raise ImportError('no such package')")
    done = subprocess.run(
        command(*args),
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": f"{tmp_path}:{environment()['PYTHONPATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"-m pip install '.[{extra}]'")
