from django.urls import URLPattern, URLResolver, path

from apps.audit import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("console/audit/", views.console_audit, name="console_audit"),
]
