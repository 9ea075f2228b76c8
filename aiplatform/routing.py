"""Every WebSocket address of the site."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.conversations.consumers import ConversationConsumer
from apps.studio.consumers import StudioConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("ws/conversations/<str:cid>/", ConversationConsumer.as_asgi(), name="conversation_socket"),
    path("ws/studio/<str:pid>/", StudioConsumer.as_asgi(), name="studio_socket"),
]
