"""Every column that can hold somebody's words or pictures is exported and erased, or has a reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, select, update
from sqlalchemy.types import TypeEngine

from bot.domain import Enhancement, Request, Source, Voice, Wake, now
from bot.features.privacy.service import PrivacyService
from bot.jobs.dispatch import LocalDispatch
from bot.media.store import MediaStore
from bot.storage import Store
from bot.storage.columns import EnumText, Utc
from bot.storage.tables import METADATA
from tests.storage.direct import Direct
from tests.storage.rows import ANN, GROUP, NOON, ask
from tests.storage.test_erasure import fill

EXPORTED = {
    "jobs": {"request", "locale", "text", "detail"},
    "users": {"name", "username", "language"},
    "preferences": {
        "model",
        "aspect_ratio",
        "size",
        "send_as",
        "caption",
        "buttons",
        "language",
        "prefix",
    },
    "pending": {"words", "payload"},
}
# Erased as well, but of no use to anybody as a file.
NOT_EXPORTED = {
    "calls": {"detail": "what a gateway said of a failure; `jobs.detail` is what was told of it"},
    "pictures": {
        "sha256": "the name of the file, which is in the export itself",
        "mime": "exported as it is; no words",
        "file_id": "Telegram's name for the file, which is in the export itself",
        "original_file_id": "Telegram's name for the file, which is in the export itself",
    },
    "pending": {"group_id": "Telegram's number of an album"},
    "chats": {
        "title": "a private chat has its person's name, which the profile has",
        "kind": "no words",
    },
}
# Neither words nor pictures of anybody.
KEPT = {
    "jobs": {
        "inline_message_id": "Telegram's number of a message",
        "drawn_by": "the catalogue's",
    },
    "calls": {
        "model": "the catalogue's or the settings'",
        "host": "the operator's",
        "route": "the catalogue's",
        "model_returned": "the gateway's",
        "finish_reason": "the gateway's word",
        "native_reason": "the gateway's word",
        "upstream_id": "the gateway's number of a call",
        "currency": "money",
    },
    "ledger": {"day": "a date", "month": "a date"},
    "counters": {"period": "a date"},
    "costs": {"period": "a date", "currency": "money"},
    "allowances": {"day": "a date"},
    "idempotency_keys": {"key": "what was done, by numbers"},
    "profile_digests": {"what": "the bot's own", "digest": "the bot's own"},
    "account_rules": {"ban_reason": "the operator's words: a ban outlives an erasure"},
    "broadcasts": {
        "text": "an operator's words to all",
        "entities": "what of them is bold or a link",
        "photo": "an operator's picture for all",
        "language": "a language",
    },
    "switches": {"name": "what is switched"},
    "paces": {"key": "what is paced, by a number"},
    "logins": {
        "hash": "of random bits",
        "name": "random letters",
        "browser": "an operator's, for the hours of his session",
        "locale": "a language",
    },
    "daily_figures": {"day": "a date", "name": "what was counted"},
    "actions": {
        "actor": "who runs the bot",
        "target": "a number or a model",
        "before": "the operator's decisions",
        "after": "the operator's decisions",
    },
    "erasures": {"locale": "a language, until the end of the erasure is told"},
    "pending_deletions": {"locale": "a language, until what was erased is taken out"},
}
HARMLESS = (BigInteger, Integer, Boolean, Utc, EnumText)  # numbers, moments and words of ours
# Documents and short words; and an album keeps its number, without which what comes late is new.
DONE_BY_HAND = {"request", "payload", "locale", "group_id", "sha256", "mime"}


def may_speak(column: Column[object]) -> bool:
    kind: TypeEngine[object] = column.type
    return not isinstance(kind, HARMLESS)


def test_every_column_is_accounted_for() -> None:
    held = {
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if may_speak(column)
    }
    told = [
        (table, column)
        for book in (EXPORTED, NOT_EXPORTED, KEPT)
        for table, columns in book.items()
        for column in columns
    ]
    assert sorted(told) == sorted(held)


def everywhere(db: Direct) -> tuple[set[str], set[str]]:
    """Write words that say where they stand; tells those to be exported, and the others."""
    fill(db)
    source = Source(file_id="her file")
    with db.transaction() as tx:
        tx.voices.put(Voice(ANN, GROUP, 70, source, 3, "en", NOON, caption="secret caption"))
        tx.enhancements.put(
            Enhancement(ANN, GROUP, 71, "secret wording", "en", NOON, flags="secret flags")
        )
        tx.questions.put(replace(ask(message_id=72), flags="secret wishes"))
        sql = tx.people._sql
        exported = {written(sql, *cell) for cell in cells(EXPORTED)}
        others = {written(sql, *cell) for cell in cells(NOT_EXPORTED)}
        request = Request(prompt="secret jobs.request", model="painter", sources=(source,))
        jobs = METADATA.tables["jobs"]
        sql.execute(update(jobs).where(jobs.c.account_id == ANN).values(request=request))
    exported |= {"secret caption", "secret wording", "secret flags", "secret wishes"}
    # The words as they came, which other words took the place of.
    others |= {"secret album", "secret ask"}
    return exported | {"secret jobs.request", "her file"}, others


def cells(book: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    return [
        (table, column)
        for table, columns in book.items()
        for column in columns
        if column not in DONE_BY_HAND and table != "calls"
    ]


def written(sql: Connection, name: str, column: str) -> str:
    table, words = METADATA.tables[name], f"secret {name}.{column}"
    owner = table.c["id" if name in {"users", "chats"} else "account_id"]
    sql.execute(update(table).where(owner == ANN).values({column: words}))
    return words


async def test_what_is_exported_is_in_the_export_and_gone_after_the_erasure(
    store: Store, db: Direct, tmp_path: Path
) -> None:
    exported, others = everywhere(db)
    media = MediaStore.open(tmp_path / "media")

    async def none(_limit: int, _after: int) -> list[Wake]:
        return []

    own_data = PrivacyService(store=store, media=media, dispatch=LocalDispatch(1, none), clock=now)
    export = await own_data.export(ANN)
    with export.file as file, ZipFile(file) as archive:
        told = archive.read("data.json").decode()
    json.loads(told)
    assert {words for words in exported if words not in told} == set()
    await own_data.erase(ANN, "press", "en", 9)
    while (erasure := (await own_data.erasures())[0]).up_to_job_id:
        await own_data.go_on(erasure)
    with db.reading() as tx:
        sql = tx.people._sql
        rows = [(sql.execute(select(table))).all() for table in METADATA.sorted_tables]
    left = repr(rows)
    assert {words for words in exported | others if words in left} == set()
