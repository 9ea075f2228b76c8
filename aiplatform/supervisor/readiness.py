"""What the site says of itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from aiplatform.supervisor.plan import Plan


def status_of(plan: Plan) -> str:
    """What /readyz answers: ok, degraded or unavailable; "" while nobody answers."""
    # Under the name that the site is known by: it refuses to answer to others.
    host = plan.site_url.split("://", 1)[-1].split("/", 1)[0]
    request = urllib.request.Request(f"{plan.local_url}/readyz", headers={"Host": host})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return str(json.load(answer)["status"])
    except urllib.error.HTTPError as error:
        return "unavailable" if error.code == 503 else ""
    except (OSError, ValueError, KeyError):
        return ""
