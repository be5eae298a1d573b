"""Which pictures an archive has."""

import errno
import os
import zipfile
from pathlib import Path

import pytest

from edge.archive import fetching
from edge.archive.fetching import Listed, MissingError, PlaceError, fetch
from edge.archive.listing import list_pictures
from edge.errors import SourceError, UsageError

FILES = [
    "a.jpg",
    "b.JPG",
    "notes.txt",
    ".hidden.jpg",
    "2020/c.jpg",
    "2020/x/d.jpg",
    "2021/e.png",
    ".old/f.jpg",
]


@pytest.fixture
def archive(tmp_path, monkeypatch):
    for name in FILES:
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "archive"


def names(*patterns):
    return sorted(listed.source for listed in list_pictures(patterns))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("archive/**/*.jpg", ["archive/2020/c.jpg", "archive/2020/x/d.jpg", "archive/a.jpg"]),
        ("archive/*/*.jpg", ["archive/2020/c.jpg"]),
        ("archive/20*/**/*.[jp][pn]g", ["archive/2020/c.jpg", "archive/2020/x/d.jpg", "archive/2021/e.png"]),
        ("archive/**/x/*", ["archive/2020/x/d.jpg"]),
        ("archive/**/**/d.jpg", ["archive/2020/x/d.jpg"]),
        ("archive", ["archive/a.jpg", "archive/b.JPG"]),
        ("archive/notes.txt", ["archive/notes.txt"]),
        ("archive/.h*.jpg", ["archive/.hidden.jpg"]),
        ("archive/.old/*", ["archive/.old/f.jpg"]),
        ("archive/202?", None),
        (
            "archive/**",
            [
                "archive/2020/c.jpg",
                "archive/2020/x/d.jpg",
                "archive/2021/e.png",
                "archive/a.jpg",
                "archive/b.JPG",
            ],
        ),
    ],
)
def test_a_pattern_matches_what_a_shell_would_show(archive, pattern, found):
    if found is None:
        with pytest.raises(SourceError, match=r"no picture matches .*\*\*"):
            names(pattern)
    else:
        assert names(pattern) == found
        assert names(str(archive.parent / pattern)) == [str(archive.parent / name) for name in found]


def test_links_to_folders_are_not_gone_round(archive):
    (archive / "2020" / "loop").symlink_to(archive)
    assert names("archive/**/a.jpg") == ["archive/a.jpg"]
    assert names("archive/2020/loop/*.jpg") == ["archive/2020/loop/a.jpg"]


def test_pictures_are_looked_for_as_they_are_asked_for(archive, monkeypatch):
    scanned = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: scanned.append(folder) or scan(folder))
    found = list_pictures(["archive/**/*.jpg"])
    assert next(found).source == "archive/a.jpg"
    assert scanned == ["archive"]


@pytest.mark.parametrize("source", ["demo", "-", "picamera:1", "0", "/dev/video0"])
def test_what_is_no_file_is_no_archive(source):
    with pytest.raises(UsageError, match="expected files, folders, globs or addresses"):
        list_pictures([source])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("sftp://user:hunter2@host.lan/scans/*.jpg", "FSSPEC_SFTP_PASSWORD"),
        ("zip://*.jpg::ftp://user:hun/ter2@host.lan/a.zip", "FSSPEC_FTP_PASSWORD"),
    ],
)
def test_an_address_with_a_password_is_refused_as_every_row_would_tell_it(source, name):
    with pytest.raises(UsageError, match=name) as caught:
        list_pictures([source])
    assert "ter2" not in str(caught.value)


def test_an_address_with_a_port_and_a_name_with_an_at_sign_is_taken():
    pytest.importorskip("fsspec")
    with pytest.raises(SourceError, match="cannot open nowhere"):
        list_pictures(["nowhere://host:8443/a@b.jpg"])


def test_a_file_that_is_not_there_is_told(archive):
    with pytest.raises(SourceError, match=r"no such file or folder: archive/none.jpg"):
        list_pictures(["archive/a.jpg", "archive/none.jpg"])


def test_the_inside_of_a_zip_file_is_listed_and_fetched(archive):
    pytest.importorskip("fsspec")
    with zipfile.ZipFile("all.zip", "w") as file:
        for name in FILES:
            file.write(archive / name, name)
    address = "zip://**/*.jpg::all.zip"
    found = {listed.source: listed for listed in list_pictures([address])}
    assert sorted(found) == [f"zip://{name}::all.zip" for name in ("2020/c.jpg", "2020/x/d.jpg", "a.jpg")]
    assert fetch(found["zip://2020/c.jpg::all.zip"]).data == b"2020/c.jpg"
    with pytest.raises(MissingError):
        fetch(Listed("zip://none.jpg::all.zip"))


def test_a_folder_in_memory_is_listed_as_an_object_store_is():
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe({"/bucket/1/a.jpg": b"1", "/bucket/2/b.jpg": b"22", "/bucket/2/c.txt": b""})
    found = list(list_pictures(["memory://bucket/**/*.jpg"]))
    assert sorted((one.source, one.size) for one in found) == [
        ("memory:///bucket/1/a.jpg", 1),
        ("memory:///bucket/2/b.jpg", 2),
    ]
    assert [one.modified for one in found if one.modified is None] == []
    assert fetch(found[0]).modified_at.endswith("Z")


def test_a_store_that_fails_is_asked_three_times_and_left_to_the_next_run(monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    asked = []

    class Busy(fsspec.AbstractFileSystem):
        protocol = "busy"

        def cat_file(self, path, start=None, end=None, **options):
            asked.append(path)
            if len(asked) % 4:
                raise OSError("503 Slow Down")
            return b"a.jpg"

    monkeypatch.setattr(fetching, "PAUSES_S", (0.0, 0.0))
    fsspec.register_implementation("busy", Busy, clobber=True)
    with pytest.raises(PlaceError, match=r"cannot read busy://a.jpg: 503 Slow Down"):
        fetch(Listed("busy://a.jpg", 5))
    assert len(asked) == 3
    assert fetch(Listed("busy://a.jpg", 5)).data == b"a.jpg"


def test_a_folder_that_goes_while_it_is_listed_is_told_in_a_line(monkeypatch):
    fsspec = pytest.importorskip("fsspec")

    class Leaving(fsspec.AbstractFileSystem):
        protocol = "leaving"

        def ls(self, path, detail=True, **options):
            if "2021" in path:
                raise RuntimeError("the connection\nis lost")  # not all libraries raise an OSError
            names = [("2021", "directory"), ("2020.jpg", "file")]
            return [{"name": f"in/{name}", "type": kind, "size": 5} for name, kind in names]

    fsspec.register_implementation("leaving", Leaving, clobber=True)
    pictures = list_pictures(["leaving://in/**"])
    assert next(pictures).source == "leaving://in/2020.jpg"
    with pytest.raises(
        SourceError, match=r"cannot list leaving://in/\*\*: the connection is lost; .*--resume"
    ):
        next(pictures)


def test_a_disk_that_goes_while_it_is_listed_is_told_in_a_line(archive, monkeypatch):
    scan = os.scandir

    def gone(folder):
        if "2020" in str(folder):
            raise OSError(errno.EIO, "Input/output error")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", gone)
    pictures = list_pictures(["archive/**/*.jpg"])
    with pytest.raises(SourceError, match=r"cannot list archive/\*\*/\*.jpg: Input/output error"):
        list(pictures)


def test_relative_names_start_in_the_folder_of_whoever_asked(archive, monkeypatch):
    folder = str(Path.cwd())
    monkeypatch.chdir("/")
    assert fetch(Listed("archive/a.jpg"), folder).data == b"a.jpg"
    with pytest.raises(MissingError, match="archive/a.jpg is not there"):
        fetch(Listed("archive/a.jpg"))


def test_a_folder_that_is_listed_as_a_picture_cannot_be_read(archive):
    with pytest.raises(PlaceError, match="cannot read archive/2020"):
        fetch(Listed("archive/2020"))
