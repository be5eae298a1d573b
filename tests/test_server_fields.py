"""Fields in a settings file: what is saved, what stays, and what is never overwritten."""

import stat

import pytest

pytest.importorskip("tomlkit", reason="the web page needs digitcam[web]")

from edge.errors import UsageError
from edge.fields import field_of
from edge.server.fields_file import ChangedError, FieldsFile

SETTINGS = """\
# The meter in the cellar.
source = "picamera"  # the one over the meter

[run]
json = true

[[field]]
# Read every evening.
name = "water"
region = [0.10, 0.20, 0.55, 0.35]    # left, top, right, bottom
format = "00000.0"
unit = "m³"
after = "21:00"

[[field]]
name = "gas"
least = 0  # never below

[serve]
port = 8001
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "digitcam.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


@pytest.fixture
def file(path):
    return FieldsFile(path)


def named(name, **keys):
    return field_of({"name": name, **keys})


def test_a_file_without_changes_is_written_as_it_was(file, path):
    saved = file.read()
    assert [field.name for field in saved.fields] == ["water", "gas"]
    again = file.write(saved.fields, saved.version)
    assert path.read_text() == SETTINGS
    assert again.fields == saved.fields
    assert file.read() == again


def test_what_is_changed_is_changed_alone(file, path):
    saved = file.read()
    table = saved.fields[0].as_table()
    file.write([field_of({**table, "region": [0.1, 0.2, 0.6, 0.35]}), saved.fields[1]], saved.version)
    text = path.read_text()
    assert text == SETTINGS.replace("[0.10, 0.20, 0.55, 0.35]", "[0.1, 0.2, 0.6, 0.35]")


def test_fields_are_added_renamed_and_deleted(file, path):
    saved = file.read()
    renamed = field_of({**saved.fields[0].as_table(), "name": "cold water"})
    saved = file.write([renamed, saved.fields[1], named("heat", format="000")], saved.version)
    assert file.read() == saved
    assert '# Read every evening.\nname = "cold water"' in path.read_text()
    saved = file.write([saved.fields[2], saved.fields[0]], saved.version)
    assert [field.name for field in file.read().fields] == ["heat", "cold water"]
    assert "gas" not in path.read_text()
    file.write([], saved.version)
    assert file.read().fields == ()
    assert "port = 8001" in path.read_text()


def test_a_file_that_is_not_there_is_made(tmp_path):
    file = FieldsFile(tmp_path / "new" / "digitcam.toml")
    assert file.read().version == ""
    saved = file.write([named("water")], "")
    assert file.read() == saved
    assert not (tmp_path / "new" / "digitcam.toml.bak").exists()


def test_a_file_that_was_changed_by_hand_is_not_overwritten(file, path):
    saved = file.read()
    path.write_text(SETTINGS + "# a word more\n", encoding="utf-8")
    with pytest.raises(ChangedError, match="somebody has changed it meanwhile"):
        file.write([named("heat")], saved.version)
    assert path.read_text() == SETTINGS + "# a word more\n"
    with pytest.raises(ChangedError):
        file.write([named("heat")], "")


def test_the_last_good_file_is_kept(file, path):
    file.write([named("heat")], file.read().version)
    assert path.with_name("digitcam.toml.bak").read_text() == SETTINGS


def test_a_damaged_file_is_told_and_left_alone(file, path):
    path.write_text("[[field]\n")
    with pytest.raises(UsageError, match=r"digitcam\.toml is not valid TOML"):
        file.read()
    path.write_text("field = 3\n")
    with pytest.raises(UsageError, match=r"expected fields as tables under \[\[field\]\], found 3"):
        file.read()
    path.write_text('[[field]]\nname = "water"\nformt = "0"\n')
    with pytest.raises(UsageError, match=r"1 \('water'\): formt: unknown key; the nearest known"):
        file.read()
    assert not path.with_name("digitcam.toml.bak").exists()


def test_a_file_that_others_must_not_read_stays_so_and_a_link_stays_a_link(file, path, tmp_path):
    path.chmod(0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    linked = FieldsFile(link)
    linked.write([named("heat")], linked.read().version)
    assert link.is_symlink()
    assert file.read().fields == (named("heat"),)
    for kept in (path, path.with_name("digitcam.toml.bak")):
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_inline_tables_can_be_changed_too(file, path):
    path.write_text('field = [{name = "water"}, {name = "gas", unit = "m³"}]\nsource = "demo"\n')
    saved = file.read()
    file.write([*saved.fields, named("heat")], saved.version)
    assert [field.name for field in file.read().fields] == ["water", "gas", "heat"]
    assert 'source = "demo"' in path.read_text()


def test_nothing_is_left_behind_in_the_folder(file, path):
    file.write([named("heat")], file.read().version)
    assert sorted(each.name for each in path.parent.iterdir()) == ["digitcam.toml", "digitcam.toml.bak"]


def test_fields_of_the_machine_count_until_the_user_has_some(path, tmp_path):
    own = tmp_path / "own.toml"
    file = FieldsFile(own, path)
    saved = file.read()
    assert [field.name for field in saved.fields] == ["water", "gas"]
    saved = file.write([*saved.fields, named("heat")], saved.version)
    assert path.read_text() == SETTINGS
    assert FieldsFile(own).read().fields == saved.fields
    assert file.read() == saved
    saved = file.write([], saved.version)
    assert file.read().fields == ()


def test_a_change_in_the_file_of_the_machine_is_a_change_too(path, tmp_path):
    file = FieldsFile(tmp_path / "own.toml", path)
    version = file.read().version
    path.write_text(SETTINGS.replace("gas", "heat"))
    with pytest.raises(ChangedError):
        file.write([], version)
