"""The HTTP half of the demo: cookies, CSRF, forms and JSON."""

from __future__ import annotations

import secrets
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from aiplatform.demo import DemoFailed


class Visitor:
    """One person with a browser's cookies. Raises DemoFailed when the site does not play along."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A local site must not be looked for behind a proxy.
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def sign_up(self) -> str:
        """Returns the address of the new account."""
        email = f"demo-{secrets.token_hex(4)}@example.org"
        self._get("/accounts/signup/")
        fields = {"email": email, "password1": secrets.token_urlsafe(16), "display_name": "Demo visitor"}
        answer = self._post("/accounts/signup/", data=fields)
        if answer.status_code != 302 or "sessionid" not in self._http.cookies:
            raise DemoFailed("The site lets nobody sign up right now, or wants the email confirmed first.")
        return email

    def create_project(self, name: str) -> str:
        """Returns the id of a new project."""
        self._get("/projects/new/")
        return _id_in(self._redirect("/projects/new/", {"name": name, "description": ""}), "p")

    def create_conversation(self, project: str) -> str:
        """Returns the id of a new conversation."""
        return _id_in(self._redirect(f"/p/{project}/conversations/new/", {}), "c")

    def send(self, conversation: str, text: str) -> dict[str, Any]:
        """Sends a prompt. Returns the assistant's message, which names the job."""
        body = {"text": text, "parent": None, "client_id": secrets.token_hex(8)}
        answer = self._post(f"/c/{conversation}/messages/", json=body)
        if answer.status_code != 201:
            raise DemoFailed(f"The prompt was refused ({answer.status_code}): {_reason(answer)}")
        return cast(dict[str, Any], answer.json()["messages"][-1])

    def close(self) -> None:
        self._http.close()

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def socket_headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())}

    def _get(self, path: str) -> httpx.Response:
        try:
            answer = self._http.get(path)
        except httpx.HTTPError as error:
            raise DemoFailed(f"Nobody answers at {self.url}: {error}") from error
        if answer.status_code != 200:
            raise DemoFailed(f"{path} answered {answer.status_code}.")
        return answer

    def _post(self, path: str, **content: Any) -> httpx.Response:
        headers = {"X-CSRFToken": self._http.cookies.get("csrftoken") or "", "Referer": f"{self.url}{path}"}
        try:
            return self._http.post(path, headers=headers, **content)
        except httpx.HTTPError as error:
            raise DemoFailed(f"{path} could not be sent: {error}") from error

    def _redirect(self, path: str, fields: dict[str, str]) -> str:
        answer = self._post(path, data=fields)
        if answer.status_code != 302:
            raise DemoFailed(f"{path} answered {answer.status_code} where it should have led on.")
        return answer.headers["Location"]


def _id_in(location: str, before: str) -> str:
    """The id that follows /`before`/ in an address."""
    parts = urlsplit(location).path.strip("/").split("/")
    if len(parts) < 2 or parts[0] != before:
        raise DemoFailed(f"The site led to {location}, which is no address of the expected kind.")
    return parts[1]


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason was given."
