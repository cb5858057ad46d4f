"""A hub's parts that need no hub. `make test-hub` has the rest: it makes accounts, as root."""

import json
import os
import pwd
import re
import runpy
import sys
import types
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.progress.export import Export
from hub import accounts, collecting, delivery, tryout
from hub.accounts import become
from hub.class_page import seen
from hub.student import passwords

ROOT = Path(__file__).resolve().parents[1]
ME = pwd.getpwuid(os.getuid())
KEY = "two_cousins.kinds"


class Section(dict):
    """What get_config() gives: sections that are there once they are named."""

    def __getattr__(self, name):
        return self.setdefault(name, Section())

    def __setattr__(self, name, value):
        self[name] = value


@pytest.fixture
def config(monkeypatch):
    """The hub's configuration, where JupyterHub need not be installed."""
    spawner = types.SimpleNamespace(LocalProcessSpawner=object)
    monkeypatch.setitem(sys.modules, "jupyterhub", types.ModuleType("jupyterhub"))
    monkeypatch.setitem(sys.modules, "jupyterhub.spawner", spawner)
    monkeypatch.setattr(accounts, "members", lambda _: [ME])
    found = Section()
    runpy.run_path(str(ROOT / "hub/jupyterhub_config.py"), {"get_config": lambda: found})
    return found


def test_all_may_come_at_once(config):
    assert config.JupyterHub.concurrent_spawn_limit == 0


def test_no_student_can_take_the_place_of_a_door_that_fell(config):
    urls = [config.JupyterHub.bind_url, config.JupyterHub.hub_bind_url]
    urls += [config.ConfigurableHTTPProxy.api_url]
    urls += [each["url"] for each in config.JupyterHub.services if "url" in each]
    assert len(urls) == 4 and all(int(url.rpartition(":")[2]) < 1024 for url in urls)


def test_the_teacher_may_enter_no_server(config):
    scopes = {scope for role in config.JupyterHub.load_roles for scope in role["scopes"]}
    assert not {"access:servers", "admin:users", "tokens", "users"} & scopes
    assert "admin_users" not in config.Authenticator


def test_a_server_takes_nothing_of_the_hub_s_environment(config):
    assert set(config.Spawner.env_keep) == {"LANG", "LC_ALL"}
    assert "--KernelManager.transport=ipc" in config.Spawner.args


def test_the_kernel_s_command_exists():
    folder = ROOT / "hub/jupyter/kernels/python3"
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    (script,) = [each for each in spec["argv"] if each.startswith("{resource_dir}")]
    assert Path(script.format(resource_dir=folder)).is_file()
    assert spec["metadata"]["debugger"] is False  # it would listen on a port


def test_only_root_s_process_becomes_another_and_never_root():
    with pytest.raises(PermissionError, match="account must be"):
        become(pwd.getpwuid(0))


def test_a_group_that_is_none_is_named():
    with pytest.raises(ValueError, match="'no-such-group'"):
        delivery.accounts(["no-such-group"])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An account whose home is empty; whoever runs this keeps their rights."""
    account = types.SimpleNamespace(pw_name="s01", pw_dir=str(tmp_path), pw_uid=1, pw_gid=1)
    monkeypatch.setattr(delivery, "become", lambda _: None)
    monkeypatch.setattr(collecting, "_rights_of", lambda _: nullcontext())
    monkeypatch.setattr(delivery, "DELIVERED", tmp_path / "delivered")
    return account


def test_the_lessons_come_and_what_the_student_wrote_stays(home, capfd):
    assert not delivery.is_delivered("s01")
    assert delivery.deliver(home)
    copy = Path(home.pw_dir) / "lessons/00_two_cousins.ipynb"
    text = copy.read_text(encoding="utf-8").replace("import torch", "import torch  # mine")
    copy.write_text(text, encoding="utf-8")
    assert delivery.is_delivered("s01")
    (Path(home.pw_dir) / "lessons/01_by_hand.ipynb").unlink()
    assert delivery.deliver(home)
    assert copy.read_text(encoding="utf-8") == text
    assert (Path(home.pw_dir) / "lessons/01_by_hand.ipynb").exists()


def test_a_lesson_that_changed_is_not_delivered_yet(home):
    delivery.DELIVERED.mkdir()
    mark = delivery.DELIVERED / "s01"
    mark.touch()
    assert delivery.is_delivered("s01")
    os.utime(mark, (0, 0))
    assert not delivery.is_delivered("s01")


def test_a_copy_that_cannot_be_read_is_told(home, capfd):
    assert delivery.deliver(home)
    lessons = Path(home.pw_dir) / "lessons"
    (lessons / "00_two_cousins.ipynb").write_text("no notebook", encoding="utf-8")
    base = lessons / ".base/two_cousins.json"
    made = json.loads(base.read_text(encoding="utf-8"))
    made["cells"].popitem()  # as if the lesson had changed
    base.write_text(json.dumps(made), encoding="utf-8")
    assert not delivery.deliver(home)
    assert "no notebook" in capfd.readouterr().out
    assert (lessons / "00_two_cousins.ipynb").read_text(encoding="utf-8") == "no notebook"


def record(home, text):
    file = Path(home.pw_dir) / "lessons/progress.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return file


def test_a_record_is_read_and_a_mistake_that_one_alone_made_is_not(home):
    record(home, {KEY: {"tries": 3, "passed": True, "mistakes": {"TypeError": 2}}})
    (alone,) = collecting.collect([home])
    assert (alone.exercises[KEY].tries, alone.exercises[KEY].mistakes) == (3, {})
    two = collecting.collect([home, home])
    assert [each.exercises[KEY].mistakes for each in two] == [{"TypeError": 2}] * 2


def test_a_link_a_pipe_and_what_is_too_long_are_not_read(home, tmp_path):
    file = record(home, {KEY: {"tries": 3}})
    assert len(collecting.collect([home])) == 1
    elsewhere = file.rename(tmp_path / "elsewhere")
    file.symlink_to(elsewhere)
    assert collecting.collect([home]) == []
    file.unlink()
    os.mkfifo(file)
    assert collecting.collect([home]) == []
    file.unlink()
    whole = json.dumps({KEY: {"tries": 3}}).encode()
    record(home, whole.ljust(collecting.MOST))
    assert len(collecting.collect([home])) == 1
    record(home, whole.ljust(collecting.MOST + 1))
    assert collecting.collect([home]) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([KEY, "tries", "passed", "mistakes", "told", "chosen", "committed"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(text=JSON.map(json.dumps).map(str.encode) | st.binary(max_size=40))
def test_whatever_a_file_holds_is_a_record_or_counts_nothing(text):
    found = collecting.understood(text, "s01")
    assert found is None or isinstance(found, Export) and found.number == "s01"


def test_who_is_on_is_text_and_no_markup():
    text = seen([{"name": "s02"}, {"name": "<b>s01"}], 3)
    assert "2</b>" in text and "&lt;b&gt;s01, s02" in text and "<b>s01" not in text
    assert "self-reported" in text


def test_the_passwords_are_read_out_of_what_is_told(capsys):
    told = {"teacher": "a-b_c", "s01": "x"}
    tryout._tell(8000, told)
    assert passwords(capsys.readouterr().out) == told


@pytest.mark.parametrize("students", [0, -1, 100])
def test_a_class_of_no_or_too_many_students_is_refused(monkeypatch, students):
    monkeypatch.setattr(sys, "argv", ["tryout", "--students", str(students)])
    with pytest.raises(SystemExit, match=f"1 to 99, got {students}"):
        tryout.main()


def test_where_there_is_no_root_it_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo make hub" in tryout.why_not()


def test_the_values_for_kubernetes_agree_with_the_image_and_the_rest():
    values = yaml.safe_load((ROOT / "hub/kubernetes/values.yaml").read_text(encoding="utf-8"))
    image = (ROOT / "hub/kubernetes/Dockerfile").read_text(encoding="utf-8")
    student = values["singleuser"]
    assert values["hub"]["concurrentSpawnLimit"] == 0
    assert f"ATTNLIB_MY={student['extraEnv']['ATTNLIB_MY']}" in image
    *command, folder = student["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert command == ["python", "-m", "attnlib.course", "copy", "--update"]
    assert folder == student["extraEnv"]["ATTNLIB_MY"] and folder.startswith(
        student["storage"]["homeMountPath"]
    )
    assert (ROOT / "notebooks" / Path(student["defaultUrl"]).name).exists()


def test_the_image_s_lines_are_instructions_and_its_hub_is_the_pinned_one():
    lines = (ROOT / "hub/kubernetes/Dockerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split()[0] for line in lines if not line.startswith(("#", " "))]
    assert set(words) <= {"FROM", "ARG", "COPY", "WORKDIR", "RUN", "USER", "ENV", "CMD"}
    assert words[0] == "FROM" and words[-1] == "CMD"
    (pin,) = re.findall(r"jupyterhub==\S+", "\n".join(lines))
    assert f"{pin} " in (ROOT / "requirements-hub.txt").read_text(encoding="utf-8")
