"""The one HTML document of the app, made ours before it leaves: its script, its title."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Put before all other scripts; relative, so that the app may stand behind a proxy under a path.
_HEAD: Final = b'<head>\n    <script src="./assets/pingan_page.js"></script>'
_REPLACED: Final = (
    (b"<head>", _HEAD),
    (b"<title>Streamlit</title>", b"<title>pingan_geo</title>"),
)
_ELSEWHERE: Final = ("/assets/", "/component/", "/static/", "/_stcore/", "/media/", "/tiles/")


class FirstPage:
    """ASGI middleware that changes the head of Streamlit's HTML document.

    Without it, a page opened by its own address (``/hotspots``) first asks for ``/hotspots/_stcore/health``,
    which is not there, and the browser writes down an error for each visitor.

    Parameters
    ----------
    app
        What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or str(scope.get("path", "")).startswith(_ELSEWHERE):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        parts: list[bytes] = []

        async def hold_back(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                kind = dict(message.get("headers", [])).get(b"content-type", b"")
                if kind.startswith(b"text/html"):
                    start = message
                    return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                body = b"".join(parts)
                for old, new in _REPLACED:
                    body = body.replace(old, new, 1)
                kept = [(k, v) for k, v in start["headers"] if k.lower() not in {b"content-length", b"etag"}]
                length = (b"content-length", str(len(body)).encode())
                await send({**start, "headers": [*kept, length]})
                await send({"type": "http.response.body", "body": body})

        # A compressed document cannot be changed.
        plain = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
        await self.app({**scope, "headers": plain}, receive, hold_back)
