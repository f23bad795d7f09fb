"""Methods that receive: updates, webhooks and files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sandbox.telegram.errors import bad_request
from sandbox.telegram.files import DOWNLOAD_BYTES, Stored
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.updates import LIMIT
from sandbox.telegram.world import World


async def get_updates(world: World, arguments: Arguments) -> list[Json]:
    get = arguments.get
    return await world.updates.poll(
        get("offset"), get("limit", LIMIT), get("timeout", 0), get("allowed_updates")
    )


async def set_webhook(world: World, arguments: Arguments) -> bool:
    """Have updates delivered; without https only on this machine, as a server of one's own does."""
    if not arguments["url"]:
        return await delete_webhook(world, arguments)
    if not arguments["url"].startswith(("https://", "http://127.0.0.1:")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    arguments.upload(arguments.get("certificate"))
    world.updates.webhook = arguments.shown()
    if "allowed_updates" in arguments.params:
        world.updates.allowed = tuple(arguments["allowed_updates"])
    if arguments.get("drop_pending_updates"):
        world.updates.drop()
    if arguments["url"].startswith("http:"):
        world.deliveries.start()
    world.changes.notify()  # a poll that is held must notice
    return True


async def delete_webhook(world: World, arguments: Arguments) -> bool:
    world.deliveries.stop()
    world.updates.webhook = None
    if arguments.get("drop_pending_updates"):
        world.updates.drop()
    return True


async def get_webhook_info(world: World, _: Arguments) -> Json:
    webhook = world.updates.webhook or {}
    info: Json = {
        "url": webhook.get("url", ""),
        "has_custom_certificate": "certificate" in webhook,
        "pending_update_count": len(world.updates),
    }
    if world.updates.webhook_error:
        info["last_error_date"] = int(time.time())
        info["last_error_message"] = world.updates.webhook_error
    if "max_connections" in webhook:
        info["max_connections"] = webhook["max_connections"]
    if world.updates.allowed:
        info["allowed_updates"] = list(world.updates.allowed)
    return info


async def get_file(world: World, arguments: Arguments) -> Json:
    """Tell where a file of up to 20 MB can be downloaded; with --local where it is, of any size."""
    stored = world.files.find(arguments["file_id"])
    if stored is None:
        raise bad_request("invalid file_id")
    if world.local:
        place = world.local / stored.path
        if world.placed:
            await asyncio.to_thread(_place, stored, place)
        return stored.file() | {"file_path": str(place)}
    if len(stored.data) > DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return stored.file()


def _place(stored: Stored, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(stored.data)
