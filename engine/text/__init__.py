"""The text engine: scheduler, cache, runner, sampler and detokeniser of one loaded model.

Along the way of a request:

- `engine` is the loop: schedule, run, sample, deliver. `checks` looks at what comes in; `beginning` puts a
  `completion` together, once its output format was read (`opening`) and its adapter loaded (`adapters`, and the shelf
  in engine/lora).
- `scheduler` makes steps of each `sequence` over the blocks of the `block_manager`, with guesses (`drafting`) and as
  much of a prompt as `pacing` allows. Plain data, no torch.
- `computing` makes tokens of a step: from the logits of the `runner` the `sampler` chooses (`penalties`, `masks` of
  `prescribed` formats, `draw`, `logprobs`). A sequence that fails, fails alone.
- `completions` tells what was written: a `detokenizer`, the parts of an `answer`, and on accelerators several tokens
  together (`telling`).

What is loaded:

- `loader` makes a model of a folder, by its family (`families`) or as transformers does (`compatible`); `footprint`
  and `budget` say beforehand how much memory that takes.
- `attention` keeps the cache and reads it, in several ways: each model gets the fastest that is right.
- `linears` lays weights out for this processor: `packed` for kernels of our own, or `onednn`.

What only makes it faster, and is used where a `trial` finds that it computes the same:

- `other_layers` take the place of a model's own: `packed` in one call of C, `graphs` compiled for processors, `fused`
  in Triton for GPUs. `llama_layers` says which models have the kind that two of them are for.
- On GPUs steps are recorded and replayed (`capture`, `recording`, tried in a `rehearsal`), several passes at a time,
  with tokens that the device itself draws (`drawing`); `exchange` brings numbers there and back.
- `c_library` builds the C files, whose loops share the threads of pool.c.
"""
