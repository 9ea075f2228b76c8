from django.urls import URLPattern, URLResolver, path

from apps.generations import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<str:jid>/cancel/", views.cancel, name="job_cancel"),
]
