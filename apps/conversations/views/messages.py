"""Send, regenerate, read and count: what the composer and the branch switcher call."""

from __future__ import annotations

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.models import User
from apps.conversations.access import get_certainty, get_conversation_for, get_message
from apps.conversations.actions.configure import model_called
from apps.conversations.actions.sending import Sent, regenerate, send_message, send_results
from apps.conversations.counting import count
from apps.conversations.from_prompts import with_runs
from apps.conversations.inputs import client_id_in, parent_in, pictures_in, prompt_in, results_in, revision_in
from apps.conversations.serializers import messages_json, path_json
from apps.conversations.tree import leaf_to_show, messages_of, read_tree
from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.projects.models import Role


@require_http_methods(["GET", "POST"])
@json_view
def messages(request: PersonRequest, cid: str) -> HttpResponseBase:
    return _send(request, cid) if request.method == "POST" else _path(request, cid)


def _path(request: PersonRequest, cid: str) -> JsonResponse:
    conversation = get_conversation_for(request.user, cid)
    tree = read_tree(conversation)
    path = path_json(tree, leaf_to_show(conversation, tree, request.GET.get("leaf", "")))
    return JsonResponse(path | {"messages": with_runs(request.user, path["messages"])})


def _send(request: PersonRequest, cid: str) -> JsonResponse:
    data = body_of(request)
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    pictures = pictures_in(data)
    sent = send_message(
        actor=request.user,
        conversation=conversation,
        text=prompt_in(data, pictures),
        parent_id=parent_in(data),
        client_id=client_id_in(data),
        revision_id=revision_in(data),
        picture_ids=pictures,
    )
    return _sent_response(request.user, sent)


@require_POST
@json_view
def regenerate_message(request: PersonRequest, cid: str, mid: str) -> HttpResponseBase:
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    message = get_message(conversation, mid)
    data = body_of(request)
    sent = regenerate(
        actor=request.user,
        conversation=conversation,
        message=message,
        client_id=client_id_in(data),
        model=model_called(data["model"]) if data.get("model") is not None else None,
    )
    return _sent_response(request.user, sent)


@require_GET
@json_view
def alternatives(request: PersonRequest, cid: str, mid: str) -> HttpResponseBase:
    """`{"messages"}`: this message and those in its place, oldest first."""
    conversation = get_conversation_for(request.user, cid)
    message, tree = get_message(conversation, mid), read_tree(conversation)
    found = messages_json(messages_of(tree.siblings(message.pk)), tree)
    return JsonResponse({"messages": with_runs(request.user, found)})


@require_POST
@json_view
def results(request: PersonRequest, cid: str, mid: str) -> HttpResponseBase:
    """`{"client_id", "results": [text of each call that can be read, …]}` of one answer."""
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    answer = get_message(conversation, mid)
    data = body_of(request)
    sent = send_results(
        actor=request.user,
        conversation=conversation,
        answer_id=answer.pk,
        results=results_in(data),
        client_id=client_id_in(data),
    )
    return _sent_response(request.user, sent)


def _sent_response(user: User, sent: Sent) -> JsonResponse:
    """`warnings` and runs are for whoever asked, so they are not among what everybody in the conversation is told."""
    warnings = [text for message in sent.messages if message.job for text in message.job.quota_warnings]
    answer = {"messages": with_runs(user, sent.json), "warnings": warnings}
    return JsonResponse(answer, status=201 if sent.created else 200)


@require_GET
@json_view
def certainty(request: PersonRequest, cid: str, mid: str) -> HttpResponseBase:
    """`{"tokens": [[text, probability, [[text, probability], …]], …], "is_cut": bool}` of an answer: as it is read."""
    found = get_certainty(get_conversation_for(request.user, cid), mid)
    return JsonResponse({"tokens": found.tokens, "is_cut": found.is_cut})


@require_POST
@json_view
def tokens(request: PersonRequest, cid: str) -> HttpResponseBase:
    """How many tokens the conversation would have with this text, and how many fit."""
    data = body_of(request)
    conversation = get_conversation_for(request.user, cid)
    return JsonResponse(count(conversation, data))
