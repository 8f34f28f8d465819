"""A real Chromium, driven through the pipe of its DevTools protocol: no other program is needed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --remote-debugging-pipe"
).split()
#: Chromium reads commands from descriptor 3 and answers on 4.
_START = "import os, sys; os.dup2({}, 3); os.dup2({}, 4); os.execv(sys.argv[1], sys.argv[1:])"
_PATIENCE = 120.0

_KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "PageUp": 33, "PageDown": 34, "End": 35,
    "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
    **{str(digit): 48 + digit for digit in range(10)},
}  # fmt: skip


class Browser:
    """One page of a browser, showing the file at `path`.

    `heard` is what came to its console since it was opened, `asked` what it tried to load.
    """

    def __init__(self, executable: str, profile: Path) -> None:
        downstream, upstream = os.pipe(), os.pipe()
        inside = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (downstream[0], upstream[1])]
        start = [sys.executable, "-c", _START.format(*inside), executable, *_FLAGS]
        self._process = subprocess.Popen(
            [*start, f"--user-data-dir={profile}"],
            pass_fds=inside,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (*inside, downstream[0], upstream[1]):
            os.close(fd)
        self._to, self._from = downstream[1], upstream[0]
        self._number, self._session, self._read = 0, "", b""
        self._events: list[dict[str, Any]] = []
        self._screen: tuple[int, int, bool] | None = None
        self.path: Path | None = None
        self.heard: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "CSS"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._session = ""
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        self._process.wait(_PATIENCE)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        for answer in self._answers():
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer.get("error"))
                return answer["result"]
            self._note(answer)
        raise AssertionError(f"no answer to {method}")

    def _answers(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _PATIENCE
        while True:
            while b"\0" in self._read:
                text, self._read = self._read.split(b"\0", 1)
                yield json.loads(text)
            if not select.select([self._from], [], [], max(0, end - time.monotonic()))[0]:
                return
            more = os.read(self._from, 1 << 20)
            if not more:
                return
            self._read += more

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.heard.append(json.dumps(params)[:1000])
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
        self._events.append(event)

    # -- what a person does --------------------------------------------------------------------

    def screen(self, width: int, height: int = 800, *, touch: bool = False) -> None:
        """Give the page a screen of that size."""
        if self._screen == (width, height, touch):
            return
        self._screen = (width, height, touch)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)

    def media(self, kind: str = "", **features: str) -> None:
        """Show the page as on that medium, such as print, and with those preferences."""
        named = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=named)

    def open(self, path: Path) -> None:
        """Open a file, as by a double click, and wait until its fonts are there."""
        self.path = path
        self.heard.clear()
        self.asked.clear()
        self._events.clear()
        self.move(0, 0)
        self.call("Page.navigate", url=path.as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            for event in self._answers():
                self._note(event)
                if event.get("method") == "Page.loadEventFired":
                    break
        self.run("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")

    def run(self, program: str) -> Any:  # noqa: ANN401 - whatever it is in the page
        """The value of a JavaScript expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=program, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def place(self, element: str) -> tuple[float, float]:
        """The middle of an element, given by a JavaScript expression, brought into view.

        The pointer meets what has been drawn, so the page is drawn at its new place first.
        """
        x, y = self.run(
            f"(async () => {{ const e = {element};"
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
            "for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame);"
            "const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        return x, y

    def hover(self, element: str) -> None:
        """Point at an element."""
        self.move(*self.place(element))

    def click(self, element: str) -> None:
        """Click on an element."""
        x, y = self.place(element)
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def tap(self, element: str) -> None:
        """Touch an element with a finger."""
        x, y = self.place(element)
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str, times: int = 1, *, shift: bool = False) -> None:
        """Press a key."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        known = {
            "key": key,
            "code": {" ": "Space"}.get(key, key),
            "windowsVirtualKeyCode": _KEYS[key],
            "modifiers": 8 * shift,
        }
        for _ in range(times):
            kind = "keyDown" if text else "rawKeyDown"
            self.call("Input.dispatchKeyEvent", type=kind, text=text, **known)
            self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    # -- what a person sees --------------------------------------------------------------------

    def fonts(self, nodes: str) -> dict[str, set[str]]:
        """The fonts that letters are drawn in, by letters, for a JavaScript list of elements."""
        listed = self.call("Runtime.evaluate", expression=nodes)["result"]["objectId"]
        texts = self.run(f"({nodes}).map(e => e.textContent)")
        self.call("DOM.getDocument")
        items = self.call("Runtime.getProperties", objectId=listed, ownProperties=True)["result"]
        elements = [item["value"]["objectId"] for item in items if item["name"].isdigit()]
        found: dict[str, set[str]] = {}
        for text, element in zip(texts, elements, strict=True):
            node = self.call("DOM.requestNode", objectId=element)["nodeId"]
            used = self.call("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
            found.setdefault(text, set()).update(font["familyName"] for font in used)
        return found
