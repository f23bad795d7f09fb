"""The dashboard on Postgres: every page, and a form."""

from __future__ import annotations

from bot.storage import migrate
from tests.conftest import Start
from tests.web.test_dashboard import BOB, looking, see, send

PAGES = (
    "",
    "jobs",
    "jobs?outcome=drawn&user=1002",
    "jobs/1",
    "people",
    "people?q=bob",
    "people/1002",
)
MORE = ("models", "ledger", "actions", "settings", "diagnostics")


async def test_every_page_is_shown_and_forms_work(start: Start, empty_postgres_url: str) -> None:
    await migrate(empty_postgres_url)
    async with looking(start, DATABASE_URL=empty_postgres_url) as (chat, client):
        await chat.row(chat.bob, "a red fox", "[photo]*")
        for path in (*PAGES, *MORE):
            await see(client, f"/admin/{path}".rstrip("/"))
        page = f"/admin/people/{BOB}"
        assert "Done." in await send(client, page, f"{page}/ban", reason="spam")
        assert "settle" in (await client.get("/admin/ledger.csv")).text
        assert "postgresql" in await see(client, "/admin/diagnostics")
