"""Pictures as files: kept by the sha256 of their bytes, looked at before they are used."""
