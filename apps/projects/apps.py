from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "apps.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.projects import own_rows
        from apps.projects.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
