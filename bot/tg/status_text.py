"""Wording: what a status message says of its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.catalogue.models import Catalogue
    from bot.domain import Job
    from bot.i18n.texts import Texts
    from bot.jobs.queue import Latencies
    from bot.jobs.results import QueuedJob

WORTH_TELLING = 3.0  # seconds; who waits for less needs no forecast
MINUTE, ROUGHLY = 60, 90  # seconds; up to the second, a wait is told in seconds
STEP = 5  # seconds; what comes is not known better


class StatusText:
    """Puts where a job stands into words."""

    def __init__(self, texts: Texts, catalogue: Catalogue, latencies: Latencies) -> None:
        self._texts = texts
        self._catalogue = catalogue
        self._latencies = latencies

    def standing(self, accepted: QueuedJob) -> str:
        """Tell where a wish stands, and how long its drawing will take."""
        job = accepted.job
        if accepted.started:
            head = self.drawing(job)
        elif accepted.ahead:
            head = self._texts(job.locale, "status.queued", n=accepted.ahead)
        else:
            key = "status.next" if accepted.dispatched else "status.waiting_own"
            head = self._texts(job.locale, key)
        return lines(head, self.usual(job))

    def changed(self, accepted: QueuedJob) -> str:
        """Tell that an edit was understood, and where the job stands."""
        return lines(self._texts(accepted.job.locale, "status.changed"), self.standing(accepted))

    def drawing(self, job: Job) -> str:
        """Tell that a job is being drawn."""
        profile = self._catalogue.get(job.request.model)
        label = profile.label if profile else job.request.model
        return self._texts(job.locale, "status.drawing", model=label)

    def instead(self, job: Job, label: str) -> str:
        """Tell that another model draws."""
        return self._texts(job.locale, "status.instead", model=label)

    def usual(self, job: Job) -> str:
        """Tell how long a job's model usually takes; nothing where that is short or unknown."""
        usual = self._latencies.usual(job.request.model)
        if usual is None or usual.seconds < WORTH_TELLING:
            return ""
        return self._texts(job.locale, "status.usual", time=self.about(job.locale, usual.seconds))

    def elapsed(self, job: Job, seconds: float) -> str:
        """Tell how long a job has been drawn."""
        return self._texts(job.locale, "status.elapsed", time=age(seconds))

    def about(self, locale: str, seconds: float) -> str:
        """Tell roughly how long something takes."""
        if seconds > ROUGHLY:
            return self._texts(locale, "time.minutes", count=round(seconds / MINUTE))
        step = STEP if seconds > 2 * STEP else 1
        return self._texts(locale, "time.seconds", count=max(1, step * round(seconds / step)))


def age(seconds: float) -> str:
    """Write how long something has lasted, as clocks do."""
    minutes, rest = divmod(max(0, int(seconds)), MINUTE)
    return f"{minutes}:{rest:02}"


def lines(*parts: str) -> str:
    """Put what there is below each other."""
    return "\n".join(filter(None, parts))
