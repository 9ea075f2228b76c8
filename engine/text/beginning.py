"""From an accepted request to a completion that can be scheduled."""

from __future__ import annotations

import random
from time import perf_counter

from engine.config import EngineConfig
from engine.grammar.process import Constraint
from engine.text.adapters.adapter import Adapter
from engine.text.answer import AnswerStream
from engine.text.completion import Completion
from engine.text.drafting import Drafter
from engine.text.draw import is_narrow
from engine.text.loader import LoadedModel
from engine.text.prescribed import Prescribed
from engine.text.sampler import Chooser
from engine.text.sequence import Sequence
from engine.ticket import TextTicket

NO_FORMAT = (
    "Where this model's thoughts end can't be told before its answer has begun, so its answer can't be given a format. "
    "Choose Text, or another model."
)


class Beginning:
    def __init__(self, model: LoadedModel, config: EngineConfig) -> None:
        self._model, self._config = model, config
        self._seeds = random.Random(config.seed)  # noqa: S311 - sampling, not secrets

    def completion_of(
        self, ticket: TextTicket, constraint: Constraint | None, adapter: Adapter | None
    ) -> Completion | None:
        """None where it can't be; then the ticket has ended."""
        request, params, tokens = ticket.request, ticket.request.params, list(ticket.request.prompt_ids)
        stream = AnswerStream(self._model.tokenizer, params.stop, request.answer_format, tokens)
        if constraint is not None and not stream.tells_answer:
            constraint.close()
            ticket.fail("bad_request", NO_FORMAT)
            return None
        seed = self._seeds.getrandbits(63) if params.seed is None else params.seed % 2**63
        sequence = Sequence(
            request.id,
            tokens,
            user=request.user,
            priority=request.priority,
            # Another adapter makes other keys and values of the same tokens.
            namespace=f"{adapter.digest if adapter else ''}/{'' if self._config.share_prefixes else request.tenant}",
            arrived=perf_counter(),
            images=request.images,
            last_token=min(len(tokens) + params.max_tokens, self._model.context_length),
        )
        of_calls = request.demanded is not None
        prescribed = constraint and Prescribed(constraint, stream, of_calls=of_calls)
        chooser = Chooser(params, seed, tokens, prescribed)
        sequence.goes_on = chooser.looks_ahead and adapter is None and not params.logit_bias and is_narrow(params)
        if self._config.speculate and self._model.is_own and chooser.looks_ahead:
            sequence.drafter = Drafter(tokens, sequence.last_token)
        return Completion(ticket, sequence, chooser, stream, adapter)
