"""One module for each room, so that a new address is listed beside those it belongs to."""

from tests.matrix.rooms import api, console, generations, governance, moderation, prompts, quotas, sharing, studio

ROOMS = (generations, prompts, sharing, moderation, quotas, governance, console, studio, api)
