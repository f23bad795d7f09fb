"""The command line: run the bot, look after it, ask about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import SecretStr

from bot import healthcheck as health
from bot import lean, log
from bot.app import BOTH, Role, run
from bot.catalogue.load import load_catalogue
from bot.config import Settings, load_settings
from bot.domain import BotError, CommandFailed, StartError, StorageUnavailable
from bot.features.admin import backups
from bot.storage import schema

if TYPE_CHECKING:  # the real bot does not load it
    from sandbox.server import Sandbox

lean.loaded()
logger = lean.get_logger(__name__)
cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

SANDBOX_DATA = Path("data/sandbox")
PROBES = Path("data/probes")
SANDBOX_TOKEN, SANDBOX_KEY = "110201543:sandbox", "key-of-the-local-gateway"
OTHER_PORT = "choose another one, for example SANDBOX_PORT=8081, or 0 for any that is free"
WELCOME = """\
No TELEGRAM_BOT_TOKEN is set: this is the sandbox, with a local Telegram and a local model.
Open {url} in a browser and write to the bot. Alice operates it: try /stats as her, and with
WEB_ADDRESS={address} /admin. Ctrl+C ends it; each start begins anew.
"""


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - typer's own way of calling
    if asked:
        from bot.features.admin.version import program_version  # noqa: PLC0415 - rarely asked

        sys.stdout.write(f"picturebot {program_version()}\n")
        raise SystemExit


@cli.callback()
def main(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_version,
            is_flag=True,
            is_eager=True,
            help="Tell which it is.",
        ),
    ] = False,
) -> None:
    """A Telegram bot that makes and edits pictures."""
    os.umask(0o077)  # what people write and get is for nobody else on this machine


@cli.command(name="run")
def run_bot(
    *,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only take updates: `worker` draws, on Postgres.")
    ] = False,
) -> None:
    """Run the bot; with no TELEGRAM_BOT_TOKEN, the sandbox."""
    _start(Role(at_once=0) if no_worker else BOTH)


@cli.command()
def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Jobs at once; without it MAX_CONCURRENCY."),
    ] = None,
) -> None:
    """Draw and deliver what `run` accepts, on Postgres; as many as you like, on any machine."""
    _start(Role(takes_updates=False, at_once=concurrency))


def _start(role: Role) -> None:
    settings = _settings(hide_keys=False)
    real = settings.telegram_bot_token is not None
    if real:
        _hide_keys(settings)
    for name, meant in settings.misspelt():  # in the file, perhaps meant for settings
        logger.warning("not a setting", name=name, did_you_mean=meant)
    for name in settings.quoted():
        logger.warning("quotes taken off", name=name, hint="the environment takes values without")
    if real:
        _run(_bot(settings, role))
    elif role is not BOTH:
        _exit(StartError("TELEGRAM_BOT_TOKEN is not set: the sandbox is one process, by `run`"))
    else:
        _run(_sandbox(settings))


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = _settings(hide_keys=False)
    _run(schema.migrate(settings.database_url.get_secret_value()))
    sys.stdout.write("the database is up to date\n")


@cli.command()
def healthcheck() -> None:
    """Tell whether the bot that runs here is alive: 0 if it is, else 1 and what has stalled."""
    raise SystemExit(health.healthcheck())


@cli.command()
def audit() -> None:
    """Check the books, and list the gateway calls whose end nobody saw."""
    from bot.features.admin import cli as admin  # noqa: PLC0415 - a bot that runs does not load it

    _run(admin.audit(_settings(hide_keys=False)))


@cli.command()
def disown(
    user_id: Annotated[
        int, typer.Argument(help="His number at Telegram: see Actions (own) in the dashboard.")
    ],
) -> None:
    """Take an operator's rights from one who has them by the link, as from an account that is lost."""
    from bot.features.admin import cli as admin  # noqa: PLC0415 - as above

    _run(admin.disown(_settings(hide_keys=False), user_id))


@cli.command()
def models() -> None:
    """Compare the catalogue with what the gateways list."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin import cli as admin  # noqa: PLC0415

    _run(admin.models(_settings(), Console()))


@cli.command()
def probe(
    model: Annotated[str, typer.Argument(help="Its id, alias or label in the catalogue.")],
    photo: Annotated[
        Path | None, typer.Option(help="A picture to be edited: asks the model's edit route.")
    ] = None,
    into: Annotated[Path, typer.Option(help="Where the answer is kept.")] = PROBES,
) -> None:
    """Make one paid call with a tiny prompt, and tell what came back."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin.probe import probe as probe_gateway  # noqa: PLC0415

    _run(probe_gateway(_settings(), model, photo, into, Console()))


@cli.command()
def balance() -> None:
    """Tell what is left at the gateways."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin import cli as admin  # noqa: PLC0415

    _run(admin.balance(_settings(), Console()))


@cli.command()
def config() -> None:
    """Print the settings that hold, and where each is from; secrets are blank."""
    from bot.features.admin import cli as admin  # noqa: PLC0415 - as above

    admin.config(_settings(hide_keys=False))


@cli.command()
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Look at everything that may be wrong, and change nothing: 0 all is well, 1 not, 2 wrong settings."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin.doctor import examine  # noqa: PLC0415

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        raise SystemExit(runner.run(examine(Console(), as_json=as_json)))


@cli.command()
def backup(
    dest: Annotated[
        str | None,
        typer.Argument(help="A folder, or s3://…; without one BACKUP_DIR, where old ones go."),
    ] = None,
) -> None:
    """Copy the database and all pictures, and check the copy; the bot may run meanwhile."""
    _run(backups.backup(_settings(hide_keys=False), dest))


@cli.command()
def restore(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A backup's folder, or s3://….")],
) -> None:
    """Put a backup where the settings say, if it is whole and nothing is there yet."""
    _run(backups.restore(_settings(hide_keys=False), source))


@cli.command()
def copy_database(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A database's URL, or its file.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="Another one, empty: SQLite or Postgres.")
    ],
) -> None:
    """Copy all rows of a database into one that has none, either of SQLite or Postgres, and compare them."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin import copy_database as copying  # noqa: PLC0415

    _run(copying.copy_database(source, target, Console()))


@cli.command()
def copy_media(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A folder, or s3://….")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The other kind, or another one.")],
) -> None:
    """Copy all pictures that are not there yet, and compare them; the bot may run meanwhile."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from bot.features.admin import copy_media as copying  # noqa: PLC0415

    _run(copying.copy_media(_settings(hide_keys=False), source, target, Console()))


async def _bot(settings: Settings, role: Role) -> None:
    await run(settings, _stop_on_signals(), role)


async def _sandbox(settings: Settings) -> None:
    """Run the same bot, unchanged, against a Telegram and a gateway of our own."""
    from sandbox.gateway import Gateway  # noqa: PLC0415 - the real bot does not load it
    from sandbox.server import serve  # noqa: PLC0415
    from sandbox.telegram import Telegram  # noqa: PLC0415

    stop = _stop_on_signals()
    telegram, gateway = Telegram(SANDBOX_TOKEN), Gateway(SANDBOX_KEY)
    telegram.populate()
    storage, (alice, *_) = telegram.channel("Storage", []), telegram.persons
    async with AsyncExitStack() as stack:
        try:
            serving = serve(telegram, gateway, port=settings.sandbox_port)
            world = await stack.enter_async_context(serving)
        except OSError as error:
            raise StartError(f"SANDBOX_PORT: {error.strerror}; {OTHER_PORT}") from error
        # Not before the port is ours: the data of a sandbox that runs already are in use.
        data = SANDBOX_DATA / world.page_url.rstrip("/").rpartition(":")[2]
        await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
        if not settings.sandbox_port:  # nobody would ever take the same one again
            stack.callback(shutil.rmtree, data, ignore_errors=True)
        address = settings.web_address or "127.0.0.1:8090"
        sys.stdout.write(WELCOME.format(url=world.page_url, address=address))
        sys.stdout.flush()
        await run(_sandboxed(settings, world, data, storage.id, alice.id), stop)


def _sandboxed(
    settings: Settings, world: Sandbox, data: Path, storage: int, operator: int
) -> Settings:
    """Turn the settings to the sandbox, so that nothing of the real bot's is touched."""
    return settings.for_sandbox(
        telegram_bot_token=SecretStr(SANDBOX_TOKEN),
        gateway_api_key=SecretStr(SANDBOX_KEY),
        admin_ids=settings.admin_ids | {operator},
        access="open",
        gateway_url=world.gateway_url,
        default_model=Settings.model_fields["default_model"].default,
        menu_models=(),
        models_file=None,
        allow_insecure_picture_urls=True,
        transcription_model="whisper-1",
        transcription_gateway="main",
        enhance_model="gpt-4.1-mini",
        enhance_gateway="main",
        database_url=SecretStr(f"sqlite:///{data}/bot.db"),
        media_url=str(data / "media"),
        media_temp_dir=data / "media",
        backup_every=0,
        telegram_api_url=world.telegram_url,
        storage_chat_id=storage,
        heartbeat_url=None,
    )


def _settings(*, hide_keys: bool = True) -> Settings:
    """Read the settings and configure the log; `hide_keys` of the catalogue's gateways, too."""
    try:
        settings = load_settings()
    except BotError as error:
        _exit(error)
    log.configure(settings.log_level, settings.log_format, settings.secrets())
    if hide_keys:
        _hide_keys(settings)
    return settings


def _hide_keys(settings: Settings) -> None:
    try:
        for gateway in load_catalogue(settings.models_file).gateways.values():
            if gateway.key:
                settings.key(gateway.key)
    except BotError as error:
        _exit(error)
    log.configure(settings.log_level, settings.log_format, settings.secrets())


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end; what an operator can mend is told in one line, without a traceback."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main)
    except StorageUnavailable as error:
        _exit(f"DATABASE_URL cannot be used: {' '.join(str(error).split())}")
    except CommandFailed as error:
        _exit(error, code=1)  # asked in the right way, and refused
    except (BotError, OSError) as error:
        _exit(error)


def _loop_factory() -> Any:  # noqa: ANN401 - uvloop's or none
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover
        return None
    return uvloop.new_event_loop


def _stop_on_signals() -> asyncio.Event:
    """Stop in order at the first signal; the second one is the system's own."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


def _exit(error: Exception | str, *, code: int = 2) -> NoReturn:
    if sys.stderr:
        with suppress(OSError, ValueError):  # whatever has become of it, the status tells
            sys.stderr.write(f"{log.blanked(str(error))}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    cli()
