"""What happens at the bot's borders, told to whoever counts it."""

from __future__ import annotations

from bot.domain.jobs import CallReport, Job


class Meter:
    """Counts nothing; whoever does overrides it. All is told in the event loop, and must be quick."""

    def job_ended(self, job: Job) -> None:
        """A job's end is committed; `job` is its row."""

    def call_ended(self, kind: str, model: str, report: CallReport) -> None:
        """The end of a gateway's call is committed; `kind` is `image`, or a TextCallKind."""

    def telegram_called(self, method: str, result: str, seconds: float) -> None:
        """A call of Telegram ended, with a status, or `failed` or `cancelled` without one."""

    def update_taken(self, seconds: float) -> None:
        """A message was taken so long after it was written; Telegram tells whole seconds."""

    def write_waited(self, seconds: float) -> None:
        """A transaction that writes had to wait so long for its turn."""

    def committed(self, seconds: float) -> None:
        """So long took what was committed together, from its beginning to the disk."""


NO_METER = Meter()
