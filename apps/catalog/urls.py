from django.urls import URLPattern, URLResolver, path

from apps.catalog import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/<slug:model_id>/", views.model, name="model"),
]
