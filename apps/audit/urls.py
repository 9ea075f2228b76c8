from django.urls import URLPattern, URLResolver, path

from apps.audit import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("console/audit/", views.console_audit, name="console_audit"),
    path("console/audit/export.csv", views.console_audit_csv, name="console_audit_csv"),
    path("console/audit/export.jsonl", views.console_audit_jsonl, name="console_audit_jsonl"),
]
