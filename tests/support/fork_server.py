"""A process that has imported the bot and forks one for each start: `python -m tests.support.fork_server`.

What comes out of the fork is the bot as a process of its own: its folder, environment, output and
life are its own, and it is killed as any other one. It only has the imports behind it, which take
longer than most tests. Requests come over a socket, which is file 0, each with three files: for the
bot's output, for its errors, and for the status with which it ended.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import bot.__main__
from bot.i18n.texts import Texts

LARGEST = 100_000  # bytes of a request


@dataclass(frozen=True, slots=True)
class Request:
    """What to run: `python -m bot` with these words, in a folder, in exactly this environment."""

    folder: str
    words: list[str]
    variables: dict[str, str]


class Server:
    """Forks when it is asked to, and tells how each bot ended."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._statuses: dict[int, int] = {}  # files, by process
        self._died, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def run(self) -> list[str] | None:
        """Serve until nobody asks any more; in a bot this returns its command's words."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._asked, selectors.EVENT_READ)
            selector.register(self._died, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._died in ready:
                    os.read(self._died, 4096)
                    self._bury()
                if self._asked.fileno() in ready:
                    request, files, _, _ = socket.recv_fds(self._asked, LARGEST, 3)
                    if not request:
                        return None
                    if words := self._fork(Request(**json.loads(request)), *files):
                        return words

    def _fork(self, request: Request, output: int, errors: int, status: int) -> list[str] | None:
        process = os.fork()
        if process:
            self._statuses[process] = status
            os.close(output)
            os.close(errors)
            self._asked.send(str(process).encode())
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._asked.close()
        for file in (self._died, self._wake, status, *self._statuses.values()):
            os.close(file)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for file, place in ((nothing, 0), (output, 1), (errors, 2)):
            os.dup2(file, place)
            os.close(file)
        os.chdir(request.folder)
        os.environ.clear()
        os.environ.update(request.variables)
        return request.words

    def _bury(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                status = self._statuses.pop(ended[0])
                with suppress(BrokenPipeError):  # a test may not care any more
                    os.write(status, str(os.waitstatus_to_exitcode(ended[1])).encode())
                os.close(status)


def main() -> None:
    """Get ready, serve, and be a bot where this is one."""
    Texts.load()  # what a process reads once is read before the fork
    Image.init()
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads: only one of them would live on in a fork"
    gc.freeze()  # no bot copies these pages only to look at them
    with socket.socket(fileno=os.dup(0)) as asked:
        words = Server(asked).run()
    if words is not None:
        sys.argv = [bot.__main__.__file__, *words]
        bot.__main__.cli()


if __name__ == "__main__":
    main()
