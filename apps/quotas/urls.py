from django.urls import URLPattern, URLResolver, path

from apps.quotas import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/usage/", views.my_usage, name="my_usage"),
    path("p/<str:pid>/usage/", views.project_usage, name="project_usage"),
    path("console/usage/", views.site_usage, name="site_usage"),
]
