"""JupyterHub for a class on one machine: an account of Linux a student, one environment for all.

Run it as root in the repository: `.venv/bin/python -m jupyterhub -f hub/jupyterhub_config.py`.
Where systemd runs, it holds each student's limits, all processes together; elsewhere a limit of
memory is each process's. docs/hub.md says what to do for real.
"""

import asyncio
import os
import pwd
import sys
from functools import partial
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner

from hub.accounts import STUDENTS, TEACHERS, become, members
from hub.delivery import is_delivered
from hub.places import FOLDER, ROOT, STATE, WARM

ENVIRONMENT = Path(sys.prefix)  # all share it, only root writes there
IDLE = 3600  # seconds after which an unused server stops
HAS_SYSTEMD = Path("/run/systemd/system").is_dir()

c = get_config()  # noqa: F821  JupyterHub gives it

# The doors. All ports are below 1024: should one of these fall, no student can take its place.
c.JupyterHub.bind_url = os.environ.get("ATTNLIB_HUB_URL", "http://127.0.0.1:800")
c.JupyterHub.hub_bind_url = "http://127.0.0.1:801"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:802"
CLASSROOM = "http://127.0.0.1:803"
c.ConfigurableHTTPProxy.command = [
    str(ENVIRONMENT / "proxy/node_modules/.bin/configurable-http-proxy"),
    "--log-level=warn",
]
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.Application.log_level = "WARN"
c.JupyterHub.db_url = f"sqlite:///{STATE}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.cleanup_servers = False  # the hub may start again in mid-lesson: kernels stay
c.JupyterHub.concurrent_spawn_limit = 0  # 6 sent 24 of 30 away, and a browser does not try again

# Who may come in.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.LocalAuthenticator.allowed_groups = {STUDENTS, TEACHERS}


# What each gets.
class StudentsSpawner(LocalProcessSpawner):
    """A server as a process of the student's account, within its limits."""

    def make_preexec_fn(self, name):
        """What the new process does before it becomes the server."""
        return partial(_in_its_home, pwd.getpwnam(name))


def _in_its_home(account):
    become(account)
    os.chdir(account.pw_dir)


if HAS_SYSTEMD:
    c.JupyterHub.spawner_class = "systemd"
    c.SystemdSpawner.mem_limit = "2G"
    c.SystemdSpawner.cpu_limit = 2.0
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.isolate_devices = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.readonly_paths = ["/"]
    c.SystemdSpawner.readwrite_paths = ["/home"]
    c.SystemdSpawner.unit_extra_properties = {"TasksMax": "256", "UMask": "0077"}
else:
    c.JupyterHub.spawner_class = StudentsSpawner

c.Spawner.cmd = [str(ENVIRONMENT / "bin/jupyterhub-singleuser")]
c.Spawner.default_url = f"/lab/tree/{FOLDER}/00_two_cousins.ipynb"
c.Spawner.notebook_dir = "~"
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # thirty at once, on two cores
c.Spawner.env_keep = ["LANG", "LC_ALL"]
c.Spawner.environment = {
    "ATTNLIB_MY": lambda spawner: f"{_home(spawner)}/{FOLDER}",
    "JUPYTER_RUNTIME_DIR": lambda spawner: f"{_home(spawner)}/.jupyter-runtime",
    "JUPYTERHUB_SINGLEUSER_EXTENSION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "OMP_NUM_THREADS": "1",
    "PATH": f"{ENVIRONMENT}/bin:/usr/bin:/bin",
    "PYTHONNOUSERSITE": "1",
}
c.Spawner.args = [
    "--KernelManager.transport=ipc",  # on a port each account could listen to what cells print
    "--Application.log_level=WARN",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    f"--MappingKernelManager.cull_idle_timeout={IDLE}",
]
if WARM and not HAS_SYSTEMD:  # a fork would lie outside of the student's unit, and of its limits
    c.Spawner.environment |= {"ATTNLIB_WARM": WARM, "JUPYTER_PATH": str(ROOT / "hub/jupyter")}


def _home(spawner):
    return pwd.getpwnam(spawner.user.name).pw_dir


delivering = asyncio.Semaphore(os.cpu_count() or 1)


async def lessons(spawner):
    """Bring the lessons; who gets none, or only some, comes in all the same."""
    if is_delivered(spawner.user.name):
        return
    command = (sys.executable, "-m", "hub.delivery", spawner.user.name)
    async with delivering:
        run = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        if await run.wait():
            spawner.log.warning("Not all lessons came to %s", spawner.user.name)


c.Spawner.pre_spawn_hook = lessons

# Who may do what. Nobody may enter another's server: a student's page would act as who opens it.
c.JupyterHub.services = [
    {
        "name": "cull",
        "command": [
            *(sys.executable, "-m", "jupyterhub_idle_culler"),
            *(f"--timeout={IDLE}", "--cull-every=60"),
        ],
    },
    {
        "name": "classroom",
        "url": CLASSROOM,
        "command": [sys.executable, "-m", "hub.classroom"],
        "cwd": str(ROOT),
        "oauth_no_confirm": True,
    },
]
SEES = ["list:users", "read:users:name", "read:users:activity", "read:servers"]
c.JupyterHub.load_roles = [
    {"name": "cull", "scopes": [*SEES, "delete:servers"], "services": ["cull"]},
    {"name": "classroom", "scopes": SEES, "services": ["classroom"]},
    {
        "name": "teacher",
        "scopes": ["admin-ui", *SEES, "servers", "access:services!service=classroom"],
        "users": [each.pw_name for each in members(TEACHERS)],
    },
]
