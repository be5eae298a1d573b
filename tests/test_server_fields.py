"""Fields over the API and in a settings file: what is saved, what stays, and what is never overwritten."""

import stat
import time

import pytest

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

from serving import serving

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


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def server(home):
    (home / "digitcam.toml").write_text(SETTINGS.replace("picamera", "demo").replace("8001", "0"))
    with serving("demo", env={"XDG_CONFIG_HOME": str(home)}) as running, running.client() as client:
        wait_for(client, lambda latest: latest is not None)
        yield running


@pytest.fixture
def client(server, home):
    """Asks the server, whose settings are as they were."""
    (home / "digitcam.toml").write_text(SETTINGS)
    with server.client() as client:
        save(client, client.get("/v1/fields").json()["fields"])
        yield client


def save(client, fields):
    version = client.get("/v1/fields").json()["version"]
    return client.put("/v1/fields", json={"fields": fields, "version": version})


def wait_for(client, until):
    """The newest result that is what is waited for."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        latest = client.get("/v1/readings").json()["latest"]
        if until(latest):
            return latest
        time.sleep(0.1)
    raise AssertionError(latest)


def names(latest):
    return [field["name"] for field in latest["fields"]]


def test_the_fields_of_the_settings_are_told(client, home):
    answer = client.get("/v1/fields").json()
    assert [field["name"] for field in answer["fields"]] == ["water", "gas"]
    assert answer["fields"][0]["region"] == [0.1, 0.2, 0.55, 0.35]
    assert answer["file"] == str(home / "digitcam.toml")
    assert answer["read"]


def test_saved_fields_are_read_without_a_restart_and_stay(client, home):
    everywhere = {"name": "all", "region": [0, 0, 1, 1], "format": "0000000000.0"}
    saved = save(client, [everywhere]).json()
    assert saved["fields"] == [{**everywhere, "region": [0.0, 0.0, 1.0, 1.0]}]
    latest = wait_for(client, lambda latest: names(latest) == ["all"])
    latest = wait_for(client, lambda latest: latest["fields"][0]["raw"])
    assert latest["fields"][0]["problem"] in ("format", "unsure")
    text = (home / "digitcam.toml").read_text()
    assert 'name = "all"' in text
    assert "# The meter in the cellar." in text
    assert client.get("/v1/fields").json() == saved


def test_without_fields_all_numbers_are_read(client):
    assert save(client, []).json()["fields"] == []
    latest = wait_for(client, lambda latest: latest["fields"] == [] and latest["readings"])
    assert latest["readings"]


def test_who_saves_later_does_not_undo_what_another_has_saved(client, home):
    version = client.get("/v1/fields").json()["version"]
    save(client, [{"name": "heat"}])
    answer = client.put("/v1/fields", json={"fields": [{"name": "mine"}], "version": version})
    assert answer.status_code == 409
    assert "somebody has changed it meanwhile" in answer.json()["detail"]
    assert [field["name"] for field in client.get("/v1/fields").json()["fields"]] == ["heat"]


def test_a_change_by_hand_is_not_overwritten(client, home):
    version = client.get("/v1/fields").json()["version"]
    (home / "digitcam.toml").write_text(SETTINGS + "# by hand\n")
    answer = client.put("/v1/fields", json={"fields": [], "version": version})
    assert answer.status_code == 409
    assert (home / "digitcam.toml").read_text() == SETTINGS + "# by hand\n"


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ([{"name": "a", "format": "abc"}], "[[field]] 1 ('a'): format: cannot use the format 'abc'"),
        ([{"name": "a"}, {"name": "a"}], "[[field]] 2 ('a'): name: expected a name that no other field has"),
        ([{"name": "a", "region": [0.5, 0, 0.4, 1]}], "region: expected left, top, right and bottom"),
        ([{"name": "a", "colour": "red"}], "colour"),
        ([{"region": [0, 0, 1, 1]}], "name: expected a value, found none"),
    ],
)
def test_fields_that_make_no_sense_are_told_and_not_saved(client, home, fields, detail):
    before = (home / "digitcam.toml").read_text()
    answer = save(client, fields)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert (home / "digitcam.toml").read_text() == before


def test_settings_that_are_broken_by_hand_are_told(client, home):
    (home / "digitcam.toml").write_text("[[field]\n")
    for answer in (client.get("/v1/fields"), client.put("/v1/fields", json={"fields": [], "version": "x"})):
        assert answer.status_code == 409
    assert "is not valid TOML" in client.get("/v1/fields").json()["detail"]


def test_a_field_is_tried_on_the_newest_frame_and_not_saved(client, home):
    before = (home / "digitcam.toml").read_text()
    tried = client.post(
        "/v1/fields/try", json={"name": "x", "region": [0, 0, 1, 1], "format": "0000000.0", "after": "23:59"}
    )
    assert tried.status_code == 200
    assert tried.json()["problem"] in ("format", "unsure", "not found")
    assert tried.json()["why"]
    assert len(tried.json()["outline"]) == 4
    assert (home / "digitcam.toml").read_text() == before
    assert names(client.get("/v1/readings").json()["latest"]) == ["water", "gas"]
    wrong = client.post("/v1/fields/try", json={"name": "x", "least": 1, "format": "00:00"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"].startswith("least: expected no limit")


def test_saving_needs_the_token_and_a_page_of_this_server(tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with serving("demo", "--token-file", tmp_path / "token", env=env) as server, server.client() as client:
        body = {"fields": [{"name": "water"}], "version": ""}
        assert client.put("/v1/fields", json=body).status_code == 401
        assert client.get("/v1/fields").status_code == 401
        client.headers["Authorization"] = f"Bearer {(tmp_path / 'token').read_text().strip()}"
        elsewhere = client.put("/v1/fields", json=body, headers={"Origin": "http://elsewhere.example"})
        assert elsewhere.status_code == 403
        assert not (tmp_path / "digitcam.toml").exists()
        assert client.put("/v1/fields", json=body).status_code == 200
        assert (tmp_path / "digitcam.toml").read_text() == '[[field]]\nname = "water"\n'


def test_how_the_camera_is_aimed_is_told_with_each_field(client):
    save(client, [{"name": "all", "region": [0, 0, 1, 1]}])
    wait_for(client, lambda latest: names(latest) == ["all"] and latest["readings"])
    aiming = client.get("/v1/aim").json()
    assert aiming["picture"]["aim"].keys() == {"digits", "height", "edge", "contrast", "glare", "tilt"}
    assert [field["name"] for field in aiming["fields"]] == ["all"]
    assert aiming["fields"][0]["trend"]["frames"] >= 1
    assert aiming["limits"]["height"] > 0
