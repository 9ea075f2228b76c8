"""Every address of the site."""

from django.urls import URLPattern, URLResolver, include, path

from aiplatform.health import healthz, readyz
from aiplatform.metrics import metrics

handler500 = "aiplatform.errors.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("", include("apps.accounts.urls")),
    path("", include("apps.projects.urls")),
    path("", include("apps.catalog.urls")),
    path("", include("apps.generations.urls")),
    path("", include("apps.conversations.urls")),
    path("", include("apps.studio.urls")),
    path("", include("apps.prompts.urls")),
    path("", include("apps.governance.urls")),
    path("", include("apps.quotas.urls")),
    path("", include("apps.moderation.urls")),
    path("", include("apps.sharing.urls")),
    path("", include("apps.api.urls")),
    path("", include("apps.console.urls")),
]
