"""What a run costs, by the price list of its study: so much for an hour of each device, from the process's start to its end."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

SECONDS_PER_HOUR = 3600.0


def costs(runs: pd.DataFrame, content: Mapping[str, Any]) -> "pd.Series[float]":
    """Of each run, in the study's currency; missing where the list has no price for its device. ``content`` is the study's YAML."""
    prices: Mapping[str, float] = content.get("prices") or {}
    columns = (runs[name].tolist() for name in ("device", "description", "environment", "wall_s", "workers"))
    found = [
        None if (price := _price(prices, device, description, environment)) is None else price * workers * wall / SECONDS_PER_HOUR
        for device, description, environment, wall, workers in zip(*columns, strict=True)
    ]
    return pd.Series(found, index=runs.index, dtype="float64")


def price_list(content: Mapping[str, Any]) -> str | None:
    """The prices in words; None where there are none."""
    prices, currency = content.get("prices") or {}, content.get("currency", "")
    return ", ".join(f"{device} {price:g} {currency}" for device, price in prices.items()) + " a device hour" if prices else None


def _price(prices: Mapping[str, float], device: str, description: Any, environment: Any) -> float | None:
    """The first whose name is the device's kind, or a part of its model's name, in any case."""
    model = (description or {}).get("device", "") if device != "cpu" else (environment or {}).get("cpu_model", "")
    return next((price for name, price in prices.items() if name.lower() == device or name.lower() in str(model).lower()), None)
