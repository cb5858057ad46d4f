"""Another student's: files, environment, processes, kernel, port, cookie, token. All refused."""

import re
from pathlib import Path

import pytest
import websocket

from hub.places import ROOT
from hub.tryout import HOMES, SOCKET, STATE

HOME = HOMES / "s01"
REFUSED = {"PermissionError", "FileNotFoundError"}


def inner(process):
    """Its id, as it is known inside."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"NSpid:.*\t(\d+)", status)[1])


def ports(process):
    """On which a process listens. (psutil would look into the network outside.)"""
    place = Path(f"/proc/{process.pid}")
    own = {str(each.readlink()) for each in place.glob("fd/*") if each.is_symlink()}
    rows = [line.split() for name in ("tcp", "tcp6") for line in (place / "net" / name).open()]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in own
    }


@pytest.fixture(scope="module")
def server(hub, victim):
    return hub.process("jupyterhub-singleuser", of="s01")


@pytest.fixture(scope="module")
def kernel(hub, victim):
    """The victim's, forked by the warm process."""
    return hub.process("hub.warm", of="s01")


def test_everybody_may_do_their_own(thief):
    # Else all that is refused here might be so for another reason.
    code = "from pathlib import Path; Path('own').write_text('own'); print(Path('own').read_text())"
    assert thief.run(code) == ("ok", "own\n")
    assert thief.student.api("GET", "contents/lessons").status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        f"open('{HOME}/lessons/note.txt')",
        f"open('{HOME}/lessons/note.txt', 'w')",
        f"import os; os.listdir('{HOME}')",
        f"import os; os.rename('{HOME}', '{HOME}x')",
        f"import os; os.chmod('{HOME}', 0o777)",
        f"import os; os.listdir('{HOME}/.jupyter-runtime')",
        f"import os; os.listdir('{STATE}')",
        f"open('{STATE}/cookie_secret')",
        "open('/etc/shadow')",
    ],
)
def test_another_s_files_and_the_hub_s(thief, code):
    assert thief.run(code)[0] in REFUSED


@pytest.mark.parametrize("of", ["server", "kernel"])
@pytest.mark.parametrize("what", ["environ", "cmdline", "maps", "mem", "fd", "cwd", "root"])
def test_another_s_process_is_not_seen(thief, request, of, what):
    place = f"/proc/{inner(request.getfixturevalue(of))}/{what}"
    code = f"import os; os.listdir('{place}')" if what in ("fd", "cwd") else f"open('{place}')"
    assert thief.run(code)[0] in REFUSED


def test_no_process_of_another_is_listed(thief):
    status, said = thief.run(
        "import os; me = os.getuid()\n"
        "print({os.stat(f'/proc/{p}').st_uid for p in os.listdir('/proc') if p.isdigit()} == {me})"
    )
    assert (status, said.strip()) == ("ok", "True")


@pytest.mark.parametrize("of", ["server", "kernel"])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGSTOP"])
def test_another_s_process_takes_no_signal(thief, request, of, name):
    number = inner(request.getfixturevalue(of))
    assert thief.run(f"import os, signal; os.kill({number}, signal.{name})")[0] in {
        *REFUSED,
        "ProcessLookupError",
    }


@pytest.mark.parametrize("of", ["server", "kernel"])
def test_another_s_process_is_not_traced(thief, request, of):
    number = inner(request.getfixturevalue(of))
    status, said = thief.run(  # 16: PTRACE_ATTACH
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.ptrace(16, {number}, 0, 0), ctypes.get_errno())"
    )
    assert (status, said.split()[0]) == ("ok", "-1") and said.split()[1] in ("1", "3")


def test_the_one_port_of_a_kernel_takes_nothing_from_strangers(victim, thief, kernel):
    """ipykernel's own, by which a kernel's forks send what they print; it asks for a key."""
    (port,) = ports(kernel)
    status, _ = thief.run(
        "import os, zmq; line = zmq.Context().socket(zmq.PUSH)\n"
        f"line.connect('tcp://127.0.0.1:{port}')\n"
        "for key in (b'', os.urandom(16)): line.send_multipart([key, b'stream', b'forged'])\n"
        "line.close(linger=5000)"
    )
    assert status == "ok"
    assert victim.run("print(secret)") == ("ok", "42\n")


def test_another_s_kernel_has_sockets_that_are_shut(thief, kernel):
    sockets = [*Path(f"/proc/{kernel.pid}/root{HOME}/.jupyter-runtime").glob("*-ipc-*")]
    assert len(sockets) >= 5 and all(each.is_socket() for each in sockets)
    place = f"{HOME}/.jupyter-runtime/{sockets[0].name}"
    code = f"import socket; socket.socket(socket.AF_UNIX).connect({place!r})"
    assert thief.run(code)[0] in REFUSED


@pytest.mark.parametrize(
    "token", ["None", "os.environ['JUPYTERHUB_API_TOKEN']", "os.environ['JPY_API_TOKEN']"]
)
@pytest.mark.parametrize(
    "what", ["api/contents/lessons", "api/kernels", "api/sessions", "files/lessons/note.txt"]
)
def test_another_s_port_wants_another_s_token(thief, server, token, what):
    status, said = thief.run(
        "import os, httpx\n"
        f"token = {token}\n"
        "headers = {} if token is None else {'Authorization': f'token {token}'}\n"
        f"url = 'http://127.0.0.1:{ports(server).pop()}/user/s01/{what}'\n"
        "print(httpx.get(url, headers=headers).status_code)"
    )
    assert status == "ok" and said.strip() in ("302", "403")


@pytest.mark.parametrize("what", ["lab", "api/contents/lessons", "files/lessons/note.txt"])
def test_another_s_server_wants_another_s_cookies(thief, what):
    answer = thief.student.web.get(f"/user/s01/{what}")
    assert answer.status_code == 403 and "mine" not in answer.text


def test_another_s_kernel_wants_another_s_cookies(thief, victim):
    number, thief_s = victim.id, thief.id
    try:
        thief.id, thief.student.name = number, "s01"
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            thief.connect()
    finally:
        thief.id, thief.student.name = thief_s, "s02"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users"),
        ("GET", "users/s01"),
        ("GET", "users/s01/tokens"),
        ("POST", "users/s01/tokens"),
        ("POST", "users/s01/server"),
        ("DELETE", "users/s01/server"),
        ("PATCH", "users/s02"),
        ("POST", "users/s99"),
        ("GET", "services"),
        ("GET", "proxy"),
        ("POST", "shutdown"),
        ("GET", "groups"),
        ("POST", "shares/s01/"),
    ],
)
def test_the_hub_s_api_gives_a_student_s_token_nothing_of_others(thief, method, path):
    status, said = thief.run(
        "import os, httpx\n"
        "headers = {'Authorization': f'token {os.environ[\"JUPYTERHUB_API_TOKEN\"]}'}\n"
        'url = f\'{os.environ["JUPYTERHUB_API_URL"]}/' + path + "'\n"
        f"answer = httpx.request('{method}', url, headers=headers)\n"
        "print(answer.status_code)"
    )
    assert status == "ok" and said.strip() in ("403", "404")


def test_the_proxy_takes_no_routes_from_students(thief):
    status, said = thief.run(
        "import httpx; url = 'http://127.0.0.1:802/api/routes'\n"
        "answers = httpx.get(url), httpx.post(f'{url}/x', json={'target': 'a'})\n"
        "print(*[answer.status_code for answer in answers])"
    )
    assert (status, said.split()) == ("ok", ["403", "403"])


@pytest.mark.parametrize("port", [800, 801, 802, 803])
def test_no_student_can_take_a_door_s_place(thief, port):
    code = f"import socket; socket.create_server(('127.0.0.1', {port}), reuse_port=True)"
    assert thief.run(code)[0] in {"PermissionError", "OSError"}


@pytest.mark.parametrize(
    "code",
    [
        f"open('{ROOT}/attnlib/__init__.py', 'a')",
        f"open('{ROOT}/withheld.txt', 'w')",
        "import sys; open(f'{sys.prefix}/x.pth', 'w')",
        "import torch, pathlib; pathlib.Path(torch.__file__).unlink()",
        "import attnlib, os; os.chmod(attnlib.__file__, 0o666)",
        "open('/etc/passwd', 'a')",
        f"import os; os.unlink('{SOCKET}')",
        "import os; os.setuid(0)",
        "import os; os.nice(-1)",
        "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))",
    ],
)
def test_what_all_share_is_read_only(thief, code):
    assert thief.run(code)[0] in {"PermissionError", "OSError", "ValueError", "FileNotFoundError"}


def test_nothing_of_the_caller_s_environment_comes_in(thief):
    status, said = thief.run("import os; print('SECRET_OF_THE_CALLER' in os.environ)")
    assert (status, said.strip()) == ("ok", "False")


def test_no_network_but_loopback(thief):
    status, said = thief.run("import os; print(os.listdir('/sys/class/net'))")
    assert (status, said.strip()) == ("ok", "['lo']") or thief.run(
        "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    )[0] == "OSError"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "sessions"), ("POST", "kernels"), ("DELETE", "kernels/{id}")]
)
def test_a_forged_request_is_refused(thief, method, path):
    # Cookies alone, as a page from elsewhere would send them.
    where = f"{thief.student.home}api/{path.format(id=thief.id)}"
    assert thief.student.web.request(method, where, json={}).status_code == 403
    assert thief.run("1")[0] == "ok"


@pytest.mark.parametrize("path", ["users/s02/server", "users/s02/tokens"])
def test_a_forged_request_to_the_hub_is_refused(thief, path):
    assert thief.student.web.post(f"/hub/api/{path}").status_code == 403


def test_a_websocket_from_another_page_is_refused(thief):
    web = thief.student.web
    where = f"{str(web.base_url).replace('http', 'ws', 1)}{thief.student.home}"
    cookies = "; ".join(f"{each.name}={each.value}" for each in web.cookies.jar)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(
            f"{where}api/kernels/{thief.id}/channels", cookie=cookies, origin="http://evil.example"
        )


def test_the_first_student_noticed_nothing(victim):
    assert victim.run("print(secret, open('note.txt').read())") == ("ok", "42 mine\n")
