"""The catalogue of models: what each is called, can do, wants to be told and costs."""

from bot.catalogue.errors import CatalogueError
from bot.catalogue.files import load, parse
from bot.catalogue.profiles import (
    MAIN,
    GatewayProfile,
    InputDialect,
    Keep,
    Modalities,
    Price,
    Profile,
    RatioDialect,
    Route,
)
from bot.catalogue.shelf import Catalogue, default_model, successor

__all__ = [
    "MAIN",
    "Catalogue",
    "CatalogueError",
    "GatewayProfile",
    "InputDialect",
    "Keep",
    "Modalities",
    "Price",
    "Profile",
    "RatioDialect",
    "Route",
    "default_model",
    "load",
    "parse",
    "successor",
]
