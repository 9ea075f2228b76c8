from django.urls import URLPattern, URLResolver, path

from apps.accounts.views import arrivals, profile, sessions

urlpatterns: list[URLPattern | URLResolver] = [
    path("setup/", arrivals.setup, name="setup"),
    path("sign-in/<str:token>/", arrivals.sign_in_link, name="sign_in_link"),
    path("sign-up/<str:token>/", arrivals.sign_up_invitation, name="sign_up_invitation"),
    path("me/", profile.profile, name="profile"),
    path("me/complete/", profile.complete, name="complete_account"),
    path("me/export/", profile.export, name="account_export"),
    path("me/delete/", profile.delete, name="account_delete"),
    path("me/sessions/<int:session_id>/revoke/", sessions.revoke, name="session_revoke"),
]
