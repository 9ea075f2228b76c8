"""The text engine: scheduler, cache, runner, sampler and detokeniser of one loaded model."""
