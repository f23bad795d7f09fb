"""What a status message says of its job."""

from __future__ import annotations

from dataclasses import dataclass

from bot.catalogue.models import Catalogue
from bot.domain import Job, Note
from bot.i18n.texts import Texts
from bot.jobs.queue import Latencies
from bot.jobs.submit import QueuedJob
from bot.tg.text_limits import fit

WORTH_TELLING = 3.0  # seconds; who waits for less needs no forecast
MINUTE, ROUGHLY = 60, 90  # seconds; up to the second, a wait is told in seconds
LONGEST_WORD = 40  # UTF-16 units of what somebody wrote
STEP = 5  # seconds; what comes is not known better


@dataclass(frozen=True, slots=True)
class StatusText:
    """Puts where a job stands into words."""

    texts: Texts
    catalogue: Catalogue
    latencies: Latencies

    def position(self, queued: QueuedJob, *, started: bool = False) -> str:
        job = queued.job
        if started:
            return self.drawn(job)
        if queued.ahead:
            head = self.texts(job.locale, "status.queued", n=queued.ahead)
        else:
            key = "status.next" if queued.dispatched else "status.waiting_own"
            head = self.texts(job.locale, key)
        return lines(head, self.usual(job), self.notes(job))

    def drawn(self, job: Job) -> str:
        return lines(self.drawing(job), self.usual(job), self.notes(job))

    def notes(self, job: Job) -> str:
        """Tell what is drawn otherwise than it was written, a line each; mostly nothing."""
        return lines(*(note_text(self.texts, job.locale, note) for note in job.request.notes))

    def changed(self, queued: QueuedJob) -> str:
        return lines(self.texts(queued.job.locale, "status.changed"), self.position(queued))

    def drawing(self, job: Job) -> str:
        label = self.catalogue.label(job.request.model)
        return self.texts(job.locale, "status.drawing", model=label)

    def instead(self, job: Job, label: str) -> str:
        return self.texts(job.locale, "status.instead", model=label)

    def usual(self, job: Job) -> str:
        """Tell how long a job's model usually takes; nothing where that is short or unknown."""
        usual = self.latencies.typical(job.request.model)
        if usual is None or usual.seconds < WORTH_TELLING:
            return ""
        return self.texts(job.locale, "status.usual", time=self.about(job.locale, usual.seconds))

    def typical(self, locale: str, model: str) -> str:
        """Tell how long a model usually takes; nothing where that is not known."""
        usual = self.latencies.typical(model)
        return self.about(locale, usual.seconds) if usual else ""

    def elapsed(self, job: Job, seconds: float) -> str:
        return self.texts(job.locale, "status.elapsed", time=age(seconds))

    def about(self, locale: str, seconds: float) -> str:
        if seconds > ROUGHLY:
            return self.texts(locale, "time.minutes", count=round(seconds / MINUTE))
        step = STEP if seconds > 2 * STEP else 1
        return self.texts(locale, "time.seconds", count=max(1, step * round(seconds / step)))


def note_text(texts: Texts, locale: str, note: Note) -> str:
    word = fit(note.word, LONGEST_WORD)
    return texts(locale, f"note.{note.kind}", word=word, instead=note.instead, model=note.model)


def age(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), MINUTE)
    return f"{minutes}:{rest:02}"


def lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))
