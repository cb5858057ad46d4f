"""A student's browser, without a window: comes in, starts a server, runs cells."""

import json
import re
import time
import uuid
from urllib.parse import urlparse

import httpx
import websocket

from hub.places import FOLDER

PATIENCE = 600  # seconds, on machines that are busy


class Student:
    """One who has come in.

    Args:
        base: the hub's address, as "http://127.0.0.1:8000".

    Raises:
        PermissionError: the hub does not know this name with this password.
    """

    def __init__(self, base: str, name: str, password: str):
        self.name = name
        self.web = httpx.Client(base_url=base, follow_redirects=True, timeout=PATIENCE)
        self.web.get("/hub/login")
        answer = self.web.post(
            "/hub/login",
            data={"username": name, "password": password, "_xsrf": self.xsrf("/hub/")},
            follow_redirects=False,
        )
        if answer.status_code != 302:
            raise PermissionError(f"{name} cannot come in: {answer.status_code}")

    def xsrf(self, path: str) -> str:
        """The token against forged requests that lies in the cookies of a path."""
        return self.web.cookies.get("_xsrf", path=path) or ""

    @property
    def home(self) -> str:
        """The path of the student's own server."""
        return f"/user/{self.name}/"

    def start(self) -> None:
        """Ask for a server, and wait until it answers.

        Raises:
            TimeoutError: it does not come.
        """
        self.web.get("/hub/spawn", follow_redirects=False)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self.web.get(f"{self.home}api", follow_redirects=False)
            if answer.status_code == 200 and "version" in answer.text:
                self.web.get(f"{self.home}lab").raise_for_status()  # the hub lets it in there
                return
            time.sleep(0.5)
        raise TimeoutError(f"{self.name}: no server after {PATIENCE} s")

    def api(self, method: str, path: str, **how: object) -> httpx.Response:
        """What the student's server answers, asked as JupyterLab asks it."""
        headers = {"X-XSRFToken": self.xsrf(self.home)}
        return self.web.request(method, f"{self.home}api/{path}", headers=headers, **how)

    def lesson(self, stem: str) -> "Kernel":
        """Open a lesson: its kernel."""
        asked = {"path": f"{FOLDER}/{stem}.ipynb", "type": "notebook", "name": ""}
        answer = self.api("POST", "sessions", json={**asked, "kernel": {"name": "python3"}})
        answer.raise_for_status()
        return Kernel(self, answer.json()["kernel"]["id"])

    def cells(self, stem: str) -> list[str]:
        """The code of a lesson, as it lies in the student's home."""
        answer = self.api("GET", f"contents/{FOLDER}/{stem}.ipynb?content=1")
        answer.raise_for_status()
        return [
            cell["source"]
            for cell in answer.json()["content"]["cells"]
            if cell["cell_type"] == "code"
        ]


class Kernel:
    """A kernel, over its websocket."""

    def __init__(self, student: Student, number: str):
        self.student, self.id = student, number
        self.connect()

    def connect(self) -> None:
        """Open the websocket, for the first time or again."""
        web = self.student.web
        where = f"{self.student.home}api/kernels/{self.id}/channels?session_id={uuid.uuid4().hex}"
        cookies = "; ".join(
            f"{each.name}={each.value}"
            for each in web.cookies.jar
            if each.path in ("/", self.student.home)
        )
        netloc = urlparse(str(web.base_url)).netloc
        self.line = websocket.create_connection(
            f"ws://{netloc}{where}", cookie=cookies, timeout=PATIENCE
        )

    def run(self, code: str) -> tuple[str, str]:
        """Run a cell: ("ok" or the error's name, what it printed and gave).

        Raises:
            ConnectionError: the websocket has gone.
        """
        asked = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        return self._ask("execute_request", {**asked, "stop_on_error": False})

    def _ask(self, kind, content):
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": kind, "version": "5.3", "date": ""}
        header |= {"username": self.student.name, "session": "browser"}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}}
        self.line.send(json.dumps({**message, "content": content, "buffers": []}))
        status, said, is_idle = None, "", False
        while status is None or not is_idle:
            try:
                text = self.line.recv()
            except websocket.WebSocketException as error:
                raise ConnectionError(str(error)) from None
            answer = json.loads(text) if isinstance(text, str) and text else {}
            if answer.get("parent_header", {}).get("msg_id") != number:
                continue
            content = answer["content"]
            if answer["msg_type"].endswith("_reply"):
                status = content["status"] if content["status"] == "ok" else content["ename"]
            is_idle = is_idle or content.get("execution_state") == "idle"
            said += content.get("text", "") if answer["msg_type"] == "stream" else ""
            if answer["msg_type"] == "execute_result":
                said += content["data"].get("text/plain", "")
        return status, said


def is_up(base: str) -> bool:
    """Whether the hub asks who comes for a password."""
    try:
        return httpx.get(f"{base}/hub/login", timeout=PATIENCE).status_code == 200
    except httpx.HTTPError:
        return False


def passwords(told: str) -> dict[str, str]:
    """Name to password, out of what `make hub` prints."""
    return dict(re.findall(r"^  (teacher|s\d\d)  (\S+)$", told, re.MULTILINE))
