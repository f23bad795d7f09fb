"""Where backups are: in a folder, or in a bucket."""

from __future__ import annotations

from pathlib import Path

from bot.config import Settings

S3 = "s3://"


def here(settings: Settings, place: str | None = None) -> Path:
    """Tell in which folder of this machine the backups of a place, BACKUP_DIR, are found by name.

    Of those in a bucket nothing but their manifests is here: who asks how old the newest is need not
    ask S3.
    """
    place = place or settings.backup_dir
    return Path(f"{settings.media_folder}-backups" if place.startswith(S3) else place)
