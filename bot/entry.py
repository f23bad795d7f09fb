"""What the installed command calls: a healthcheck, asked for twice a minute, loads no bot."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] == ["healthcheck"]:
        from bot.healthcheck import healthcheck  # noqa: PLC0415 - a twentieth of what the bot costs

        sys.exit(healthcheck())
    from bot.__main__ import cli  # noqa: PLC0415 - not for a healthcheck

    cli()
