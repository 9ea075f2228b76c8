"""Models that another server runs: vLLM, SGLang, llama.cpp, Ollama, whatever speaks OpenAI's chat completions.

For models too large for one worker. Imports neither torch nor transformers.
"""
