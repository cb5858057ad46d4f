"""The teacher's page: who is on, and what the class has done so far.

JupyterHub starts it as a service, at /services/classroom/, and lets only teachers in. Nothing of a
student's runs here: numbers are read out of files, which the students could have changed.
"""

import asyncio
import json
import os
from urllib.parse import urlparse

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.httpclient import AsyncHTTPClient
from tornado.web import Application, RequestHandler, authenticated

from attnlib.course.progress.page import page
from attnlib.course.progress.sums import summed
from hub.accounts import STUDENTS, members
from hub.class_page import seen
from hub.collecting import collect

AGAIN = 20  # seconds until a browser asks for it again
HEADERS = {
    "Refresh": str(AGAIN),
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class Classroom(HubOAuthenticated, RequestHandler):
    """The page."""

    def set_default_headers(self):
        for name, value in HEADERS.items():
            self.set_header(name, value)

    @authenticated
    async def get(self):
        students = members(STUDENTS)
        above = seen(await _on(), len(students))
        self.write(page(summed(collect(students)), above))


async def _on():
    answer = await AsyncHTTPClient().fetch(
        f"{os.environ['JUPYTERHUB_API_URL']}/users?state=ready&limit=200",
        headers={"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
    )
    return json.loads(answer.body)


async def _serve():
    prefix, address = (os.environ[f"JUPYTERHUB_SERVICE_{each}"] for each in ("PREFIX", "URL"))
    site = Application(
        [(prefix, Classroom), (f"{prefix}oauth_callback", HubOAuthCallbackHandler)],
        cookie_secret=os.urandom(32),
    )
    site.listen(urlparse(address).port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
