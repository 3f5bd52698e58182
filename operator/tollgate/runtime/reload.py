"""Takes new prices from the configuration while the operator runs.

A file that cannot be used changes nothing. Whatever else changes in it counts from the next start on, which is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from tollgate.reconcile.options import Tariffs
from tollgate.runtime.settings import Settings, SettingsError, load

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_TARIFFS = ("prices", "energy")


class Reload:
    """Looks at the file from time to time."""

    def __init__(self, environ: Mapping[str, str], started_with: Settings, tariffs: Tariffs) -> None:
        self._environ = environ
        self._now = started_with
        self._error = ""
        self._tariffs = tariffs

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Take what is new in the file, and say so once."""
        try:
            settings = load(self._environ)
        except SettingsError as error:
            if str(error) != self._error:
                logger.error("%s The prices and everything else stay as they are.", error)
            self._error = str(error)
            return
        self._error = ""
        changed = [
            name for name in Settings.model_fields if getattr(settings, name) != getattr(self._now, name)
        ]
        if not changed:
            return
        self._now = settings
        self._tariffs.prices = settings.prices.source if settings.prices else None
        self._tariffs.energy = settings.energy.terms
        if taken := [name for name in changed if name in _TARIFFS]:
            logger.info("The configuration has changed: its %s count from now on", " and ".join(taken))
        if others := [name for name in changed if name not in _TARIFFS]:
            logger.warning(
                "%s of the configuration have changed: restart the operator to use them", ", ".join(others)
            )
