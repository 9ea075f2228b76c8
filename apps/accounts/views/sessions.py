"""Signing out one browser of one's own."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.actions.sessions import end_sessions


@login_required
@require_POST
def revoke(request: HttpRequest, session_id: int) -> HttpResponse:
    person = signed_in_user(request)
    session = get_object_or_404(UserSession, pk=session_id, user=person)
    current = session.session_key == request.session.session_key
    end_sessions(actor=person, person=person, sessions=[session])
    if current:
        logout(request)
        return redirect("home")
    messages.success(request, "That browser is signed out.")
    return redirect("usersessions_list")
