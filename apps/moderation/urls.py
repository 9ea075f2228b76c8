from django.urls import URLPattern, URLResolver, path

from apps.moderation.views import cases, notices, reports

urlpatterns: list[URLPattern | URLResolver] = [
    path("report/<str:kind>/<str:thing_id>/", reports.report, name="report"),
    path("me/notices/", notices.notices, name="notices"),
    path("me/notices/dismiss/", notices.notices_dismiss_all, name="notices_dismiss_all"),
    path("me/notices/<str:notice_id>/dismiss/", notices.notice_dismiss, name="notice_dismiss"),
    path("me/decisions/<str:decision_id>/appeal/", notices.appeal, name="appeal"),
    path("console/reports/<str:case_id>/", cases.console_report, name="console_report"),
    path("console/reports/<str:case_id>/decide/", cases.console_decide, name="console_decide"),
    path("console/reports/<str:case_id>/answer/", cases.console_answer, name="console_answer"),
]
