"""Every WebSocket address of the site."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.conversations.consumers import ConversationConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("ws/conversations/<str:cid>/", ConversationConsumer.as_asgi(), name="conversation_socket"),
]
