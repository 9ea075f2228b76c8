from django.urls import URLPattern, URLResolver, path

from apps.governance import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("access/", views.access_requests, name="access_requests"),
    path("access/<str:request_id>/withdraw/", views.access_withdraw, name="access_withdraw"),
    path("models/<slug:model_id>/access/", views.access_request, name="access_request"),
    path("models/<slug:model_id>/licence/", views.model_licence, name="model_licence"),
]
