from django.urls import URLPattern, URLResolver, path, re_path

from apps.accounts.views import arrivals, people, profile, sessions, site_settings

CHANGE = "|".join(people.CHANGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("setup/", arrivals.setup, name="setup"),
    path("sign-in/<str:token>/", arrivals.sign_in_link, name="sign_in_link"),
    path("sign-up/<str:token>/", arrivals.sign_up_invitation, name="sign_up_invitation"),
    path("me/", profile.profile, name="profile"),
    path("me/complete/", profile.complete, name="complete_account"),
    path("me/export/", profile.export, name="account_export"),
    path("me/delete/", profile.delete, name="account_delete"),
    path("me/sessions/<int:session_id>/revoke/", sessions.revoke, name="session_revoke"),
    path("console/settings/", site_settings.console_settings, name="console_settings"),
    path("console/people/", people.console_people, name="console_people"),
    path("console/people/invite/", people.invite, name="console_invite"),
    path("console/invitations/<str:invitation_id>/revoke/", people.uninvite, name="console_uninvite"),
    re_path(
        rf"^console/people/(?P<person_id>\w+)/(?P<change>{CHANGE})/$",
        people.change_person,
        name="console_change_person",
    ),
]
