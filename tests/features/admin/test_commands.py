"""What operators write to the bot in private, and what it does to all others, over the wire."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from bot.domain import JobState, Scope, now
from bot.features.admin import alerts
from bot.features.admin.charts import PICTURE as CHART
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

ALICE, BOB, CAROL = 1001, 1002, 1003
BANNED = "You can no longer use this bot. Reason: floods everybody"
BAN = "Alice (1001) is banned. Cancelled: {n}."
MAINTENANCE = "The bot is being looked after*"
ADMIN = str(BOB)


async def actions(chat: Conversation) -> list[tuple[str, str, str]]:
    found = await chat.store.read(lambda tx: tx.actions.latest(50))
    return [(one.actor, one.verb.value, one.target) for one in reversed(found)]


async def test_who_is_no_operator_is_told_as_with_any_unknown_command(chat: Conversation) -> None:
    for command in ("/ban 1002 no", "/user 1001", "/maintenance on", "/jobs", "/limit 1001 day=0"):
        await chat.row(chat.alice, command, "I do not know this command*")
    assert await actions(chat) == []


async def test_in_groups_nobody_is_an_operator(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        await chat.row(chat.bob, "/ban 1001 no", chat=home)
        await chat.row(chat.alice, "a red fox", PICTURE)


async def test_a_ban_holds_wherever_somebody_asks_and_is_told_once_in_a_while(
    start: Start,
) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        (mine,) = await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(chat.bob, "/ban 1001 floods everybody", BAN.format(n=0))
        await chat.row(chat.alice, "a blue fox", BANNED)
        await chat.row(chat.alice, "a green fox")  # he has heard it
        await chat.row(chat.alice, None, photo=image())
        await chat.row(chat.alice, "/imagine a fox", chat=home)
        assert await chat.press(chat.alice, mine, "Again") == BANNED
        chat.alice.edit(chat.alice, 1, "a grey fox")
        assert await chat.states() == [JobState.DELIVERED]
        await chat.row(chat.bob, "/ban 1001 floods everybody else", BAN.format(n=0))
        await chat.restart(ADMIN_IDS=ADMIN)
        await chat.row(chat.alice, "a blue fox", f"{BANNED} else")
        await chat.row(chat.bob, "/unban 1001", "Alice (1001) is no longer banned.")
        await chat.row(chat.alice, "a blue fox", PICTURE)
        assert await actions(chat) == [
            (f"telegram:{BOB}", verb, "account:1001") for verb in ("ban", "ban", "unban")
        ]


@pytest.mark.parametrize(
    ("command", "told", "after"),
    [
        ("/ban 1001 no", "1001 is banned.*", "/unban 1001"),
        ("/disallow 1001", "1001 may no longer*", "/allow 1001"),
        ("/limit 1001 day=2 queue=5", "*day: 2,*", "/limit 1001 day=-"),
        ("/maintenance on", "*", "/maintenance off"),
        ("/model flux off", "*", "/model flux on"),
    ],
)
async def test_what_is_decided_holds_where_an_earlier_command_is_brought_again(
    start: Start, command: str, told: str, after: str
) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        await chat.row(chat.bob, command, told)
        await chat.row(chat.bob, after, "*")
        decided = await actions(chat)
        assert len(decided) == 2
        chat.telegram.redeliver(2, fresh_ids=True)
        await chat.row(chat.bob, "/id", "You: *")
        assert len(chat.from_bot(chat.bob)) == 3
        assert await actions(chat) == decided


async def test_a_banned_group_is_closed_to_all_of_its_members(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        await chat.row(chat.bob, f"/ban {home.id}", f"{home.id} is banned. Cancelled: 0.")
        await chat.row(chat.alice, "/imagine a fox", "You can no longer use this bot.", chat=home)
        await chat.row(chat.alice, "a red fox", PICTURE)


async def test_a_banned_channel_hears_it_below_its_post(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        news = chat.telegram.channel("News", [chat.alice])
        await chat.row(chat.bob, f"/ban {news.id} spam", f"{news.id} is banned. Cancelled: 0.*")
        told = "You can no longer use this bot. Reason: spam"
        await chat.row(chat.alice, "/imagine a fox", told, chat=news)
        await chat.row(chat.alice, "/imagine a fox", chat=news)


async def test_a_ban_cancels_what_was_asked_for(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN, USER_CONCURRENCY="1") as chat:
        gate = chat.gateway.hold()
        for words in ("a red fox", "a blue fox"):
            chat.alice.send(chat.alice, words)
        await chat.gateway.until(lambda: gate.waiting)
        await chat.telegram.until(lambda: len(chat.lines(chat.alice)) == 2)
        await chat.row(chat.bob, "/ban 1001 floods everybody", BAN.format(n=2))
        gate.release()
        await chat.sees(chat.alice, "Cancelled.*", "Cancelled.*")
        assert await chat.states() == [JobState.CANCELLED] * 2
        assert await chat.audit() == []


async def test_an_operator_cannot_be_banned(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        await chat.row(
            chat.bob, f"/ban {BOB} oops", f"*{BOB}* operates this bot and is always let in.*"
        )
        await chat.row(chat.bob, "a red fox", PICTURE)


async def test_people_are_let_in_and_put_out_without_a_restart(start: Start) -> None:
    lists = {"ACCESS": "allowlist", "ALLOWED_IDS": str(CAROL), "ADMIN_IDS": ADMIN}
    async with start(**lists) as chat:
        carol = chat.telegram.person("Carol")
        await chat.row(chat.alice, "a red fox", "This bot is private*")
        await chat.sees(chat.bob, "Alice (1001) has written*")
        await chat.row(chat.bob, "/allow 1001", "Alice (1001) may ask for pictures now.")
        await chat.row(
            chat.bob, "/allow 1001", "Alice (1001): nothing has changed, it was so already."
        )
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(
            chat.bob,
            "/disallow 1003",
            "1003 may no longer ask for pictures. Nobody with this number*",
        )
        await chat.row(carol, "a red fox", "This bot is private*")
        await chat.restart(**lists)
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(carol, "a red fox", "This bot is private*")


async def test_limits_of_one_account_go_before_those_of_all(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN, USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "a red fox", "You have used your 1 picture for today.*")
        shown = "Alice ID 1001 *Limits – day: 2, month: ∞, *queue: 5 *pictures: 1*"
        await chat.row(chat.bob, "/limit 1001 day=2 queue=5", shown)
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "a red fox", "You have used your 2 pictures for today.*")
        await chat.row(chat.bob, "/limit 1001 day=-", "*Limits – day: 1, *")
        await chat.row(chat.bob, "/limit 1001 day=0", "*Limits – day: ∞, *")
        await chat.row(chat.alice, "a red fox", PICTURE)
        for wrong in ("day", "day=x", "days=1", "day=-1", "concurrency=0"):
            await chat.row(chat.bob, f"/limit 1001 {wrong}", "Write it like this: /limit *")
        assert await chat.audit() == []


async def test_somebody_is_looked_up_by_name_or_number(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        carol = chat.telegram.person("Carol", username="carols_cats")
        await chat.row(carol, "a red fox", PICTURE)
        await chat.quiet()
        for word in ("1003", "@Carols_Cats", "carols_cats"):
            page = "Carol @carols_cats ID 1003 Language: en. First seen: * May ask for pictures *"
            await chat.row(chat.bob, f"/user {word}", page)
        dan = chat.telegram.person("Carolina")
        await chat.row(dan, "a red fox", PICTURE)
        await chat.row(chat.bob, "/user carolina", "Carolina ID 1004*")
        both = "Several have such a name. Use the number: *Carol @carols_cats 1003*Carolina 1004*"
        await chat.row(chat.bob, "/user carol", both)
        await chat.row(chat.bob, "/user 5555", "Nobody with this number has written* ID 5555*")
        await chat.row(chat.bob, "/user @nobody", "Nobody called @nobody has written*")
        await chat.row(chat.bob, "/user", "Write it like this: /user 123456789")
        await chat.row(chat.bob, "/user 1002", "*Operator of this bot*")


async def test_the_bot_is_told_in_numbers_below_a_chart(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS=ADMIN, **alone) as chat:
        chat.gateway.script(Reply(), Reply(failure=Failure.UNAUTHORIZED))
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await chat.quiet()
        await chat.row(chat.alice, "a blue fox", "No pictures can be drawn*")
        await chat.sees(chat.bob, "Pictures fail*")
        await chat.quiet()
        told = (
            "[photo] All together: 0 being drawn, 0 waiting. Today – pictures: 1 (usually 0),"
            " requests without one: 1 (usually 0), users: 1 (usually 0) Half of the pictures came"
            " within * Cost today: * Without a picture today: bad key 1 The chart *"
        )
        (message,) = await chat.row(chat.bob, "/stats", told)
        with Image.open(io.BytesIO(chat.kept(message))) as shown:
            width, height = CHART
            red, _, blue = shown.convert("RGB").split()
            foot, above = (width - 30, height - 84), (width - 30, height - 174)  # of today's bar
            assert blue.getpixel(foot) > red.getpixel(foot) + 80  # type: ignore[operator]
            assert red.getpixel(above) > blue.getpixel(above) + 80  # type: ignore[operator]


async def test_in_maintenance_nothing_is_bought_and_what_runs_is_finished(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        (old,) = await chat.row(chat.bob, "a red fox", PICTURE)
        gate = chat.gateway.hold()
        chat.alice.send(chat.alice, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        told = "Maintenance: *(1 being drawn, 0 waiting)."
        await chat.row(chat.bob, "/maintenance on", told)
        gate.release()
        await chat.sees(chat.alice, PICTURE)
        await chat.row(chat.alice, "a blue fox", MAINTENANCE)
        assert (await chat.press(chat.bob, old, "Again")).startswith("The bot is being looked")
        await chat.restart(ADMIN_IDS=ADMIN)
        await chat.row(chat.bob, "/maintenance", "Maintenance: new requests are turned away.*")
        await chat.row(chat.alice, "a blue fox", MAINTENANCE)
        await chat.row(chat.bob, "a blue fox", MAINTENANCE)
        assert await chat.states() == [JobState.DELIVERED] * 2
        await chat.row(chat.bob, "/maintenance off", "Maintenance is over*")
        await chat.row(chat.bob, "/maintenance", "No maintenance: requests are taken.")
        await chat.row(chat.alice, "a blue fox", PICTURE)


async def test_a_failed_picture_is_drawn_anew_by_a_press_once(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS=ADMIN, **alone) as chat:
        chat.gateway.script(Reply(failure=Failure.UNAUTHORIZED))
        await chat.row(chat.alice, "a red fox", "No pictures can be drawn*")
        (alarm,) = await chat.sees(chat.bob, "Pictures fail*")
        await chat.quiet()
        listed = "All together: 0 being drawn*Failed lately: ✗ 1 * Alice (1001) *bad key {↻ 1}"
        (page,) = await chat.row(chat.bob, "/jobs", listed)
        assert alarm["message_id"] != page["message_id"]
        assert await chat.press(chat.bob, page, "↻ 1") == "Done."
        await chat.sees(chat.alice, "No pictures can be drawn*", PICTURE)
        assert (await chat.press(chat.bob, page, "↻ 1")).startswith("Job 1: nothing was done.")
        assert await chat.states() == [JobState.FAILED, JobState.DELIVERED]
        assert await actions(chat) == [(f"telegram:{BOB}", "retry", "job:1")]
        assert await chat.audit() == []


async def test_what_is_drawn_for_others_is_cancelled_by_a_press(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        gate = chat.gateway.hold()
        chat.alice.send(chat.alice, "a red fox")
        await chat.gateway.until(lambda: gate.waiting)
        (page,) = await chat.row(chat.bob, "/jobs", "All together: 1 being drawn*{✕ 1}")
        assert await chat.press(chat.bob, page, "✕ 1") == "Done."
        gate.release()
        await chat.sees(chat.alice, "Cancelled.*")
        assert await actions(chat) == [(f"telegram:{BOB}", "cancel", "job:1")]


@pytest.mark.parametrize("data", ["redo:1", "halt:1", "letin:1001"])
async def test_a_forged_press_of_an_operators_button_does_nothing(
    chat: Conversation, data: str
) -> None:
    (mine,) = await chat.row(chat.alice, "a red fox", PICTURE)
    assert (await chat.forge(chat.alice, mine, data)).startswith("This button no longer works")
    assert await actions(chat) == []


async def test_their_menu_has_what_only_they_can_do(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        await chat.row(chat.bob, "/id", "You: *")

        def menu() -> bool:
            scoped = [one for one in chat.telegram.calls if one.method == "setMyCommands"]
            return any('"ban"' in str(one.params).replace("'", '"') for one in scoped)

        await chat.telegram.until(menu)


async def test_a_charge_is_given_back_once(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN, USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "a blue fox", "You have used your 1 picture for today.*")
        await chat.row(chat.bob, "/refund 1", "Job 1 of Alice (1001): pictures given back: 1.")
        await chat.row(chat.bob, "/refund #1", "Job 1: its pictures were given back before.")
        await chat.row(chat.bob, "/refund 99", "There is none with that number*")
        await chat.row(chat.bob, "/refund all", "Write it like this: /refund 4711")
        await chat.row(chat.alice, "a blue fox", PICTURE)
        await chat.row(chat.alice, "a grey fox", "You have used your 1 picture for today.*")
        assert await actions(chat) == [(f"telegram:{BOB}", "refund", "job:1")]


async def test_a_charge_that_is_given_back_makes_room_in_the_group_too(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        choose = chat.store.write
        await choose(lambda tx: tx.preferences.choose(Scope(home.id), "member_day", 1))
        await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=home)
        await chat.quiet()
        await chat.row(chat.alice, "/imagine a fox", "*1 picture*", chat=home)
        await chat.row(chat.bob, "/refund 1", "Job 1 of Alice (1001): pictures given back: 1.")
        await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=home)


async def test_a_model_that_is_off_is_offered_to_nobody(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        (old,) = await chat.row(chat.alice, "a red fox --model flux", PICTURE)
        drew = chat.last_call.model
        await chat.row(chat.bob, "/model flux off", "* is offered no more. What was accepted*")
        await chat.row(chat.bob, "/model flux off", "*: nothing has changed*")
        await chat.restart(ADMIN_IDS=ADMIN)
        await chat.row(chat.alice, "a red fox --model flux", "*")
        await chat.quiet()
        assert await chat.press(chat.alice, old, "Again") != ""
        await chat.quiet()
        assert drew not in [call.model for call in list(chat.gateway.calls)[1:]]
        await chat.row(chat.bob, "/model flux on", "* is offered again.")
        await chat.row(chat.alice, "a red fox --model flux", PICTURE)
        assert chat.last_call.model == drew


async def test_what_draws_for_all_stays_on(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        model = "gemini-2.5-flash-image"
        await chat.row(chat.bob, f"/model {model} off", "* is the default model and stays on*")
        await chat.row(chat.bob, "/model nothing off", "There is none with that number or name.")
        await chat.row(chat.bob, "/model flux", "Write it like this: /model flux off")
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert await actions(chat) == []


async def test_what_is_forwarded_is_nobodys_command(start: Start) -> None:
    words = (
        *("/limit 1001 day=0", "/ban 1001 no", "/maintenance on", "/refund 1", "/allow 1001"),
        *("/start", "/usage", "/cancel", "/forget", "/nonsense"),
    )
    async with start(ADMIN_IDS=ADMIN) as chat:
        for person in (chat.bob, chat.alice):
            for one in words:
                before = chat.lines(person)
                person.forward_text(one)
                await chat.sees(person, *before, "A forwarded command is not carried out*")
        home = chat.telegram.group("Home", [chat.alice, chat.bob])
        chat.bob.forward_text("/usage", home)
        await chat.row(chat.bob, "/imagine a fox", PICTURE, chat=home)
        assert await actions(chat) == []


@pytest.mark.parametrize("words", ["a red fox", "/imagine a red fox", "/enhance a red fox"])
async def test_a_forwarded_prompt_is_drawn_as_it_is(chat: Conversation, words: str) -> None:
    before = chat.lines(chat.alice)
    chat.alice.forward_text(words)
    await chat.sees(chat.alice, *before, PICTURE)
    (job,) = await chat.jobs()
    assert job.request.prompt == "a red fox"


async def test_who_knocks_is_known_and_told_of_once_and_let_in_by_a_press(start: Start) -> None:
    lists = {"ACCESS": "allowlist", "ADMIN_IDS": ADMIN}
    async with start(**lists) as chat:
        await chat.row(chat.alice, "hello", "This bot is private*")
        knock = "Alice (1001) has written to this bot and may not ask for pictures yet. {Let in}"
        (told,) = await chat.sees(chat.bob, knock)
        await chat.row(chat.alice, "/start", "*This bot is private*")
        await chat.restart(**lists)
        await chat.row(chat.alice, "hello", "This bot is private*")
        await chat.quiet()
        await chat.sees(chat.bob, knock)
        await chat.row(chat.bob, "/user alice", "Alice ID 1001*May not ask for pictures*")
        assert await chat.press(chat.bob, told, "Let in") == ""
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert "Alice (1001) may ask for pictures now." in chat.lines(chat.bob)
        assert await actions(chat) == [(f"telegram:{BOB}", "allow", "account:1001")]


async def test_of_a_crowd_at_the_door_operators_hear_so_many_a_day(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "KNOCKS", 2)
    async with start(ACCESS="allowlist", ADMIN_IDS=ADMIN) as chat:
        for number in range(4):
            stranger = chat.telegram.person(f"Stranger{number}")
            await chat.row(stranger, "hello", "This bot is private*")
        await chat.sees(chat.bob, *["Stranger* has written to this bot*"] * 2)
        await chat.quiet()
        assert len(chat.lines(chat.bob)) == 2
        kept = await chat.store.read(lambda tx: tx.reports.people("Stranger"))
        assert len(kept) == 2


async def test_where_everybody_may_ask_nobody_knocks_and_no_list_keeps_out(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert chat.lines(chat.bob) == []
        told = "Alice (1001) may no longer ask for pictures. Everybody may ask at present *"
        await chat.row(chat.bob, "/disallow 1001", told)
        await chat.row(chat.bob, f"/disallow {BOB}", "* operates this bot and is always let in.*")


@pytest.mark.parametrize(
    ("changes", "reply", "unpriced"),
    [
        ({"GATEWAY_URL": "http://127.0.0.1:1/v1"}, Reply(), 0),
        ({}, Reply(failure=Failure.UNAUTHORIZED), 0),
        ({}, Reply(failure=Failure.SERVER_ERROR), 1),
    ],
)
async def test_what_never_came_to_a_model_cost_nothing(
    start: Start, alone: dict[str, str], changes: dict[str, str], reply: Reply, unpriced: int
) -> None:
    async with start(**alone, **changes) as chat:
        chat.gateway.default = reply
        await chat.row(chat.alice, "a red fox", "*Nothing was charged*")
        await chat.quiet()
        day = timedelta(days=1)
        found = await chat.store.read(lambda tx: tx.reports.figures(now() - day, now() + day))
        assert min(found.get("unpriced", 0), 1) == unpriced
