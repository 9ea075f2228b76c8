from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "apps.conversations"
    label = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts.export import register_exporter
        from apps.audit.registry import register
        from apps.conversations.audit_actions import ACTIONS
        from apps.conversations.export import own_messages

        register(ACTIONS)
        register_exporter("messages", own_messages)
