from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "apps.conversations"
    label = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts.export import register_exporter
        from apps.audit.registry import register
        from apps.conversations.actions.lifecycle import purge_overdue
        from apps.conversations.audit_actions import ACTIONS
        from apps.conversations.export import own_messages
        from apps.lib.chores import chore

        register(ACTIONS)
        chore("conversations.purge", every=600.0)(purge_overdue)
        register_exporter("messages", own_messages)
