"""The Django project: settings, addresses, and what starts and watches the site's processes."""

from aiplatform.celery import app as celery_app  # so that `current_app` is ours in the web process too

__all__ = ["celery_app"]
