"""From messages to token ids: no user text ever becomes a control token. Imports neither torch nor transformers.

chat = ChatFormat.load(folder)
chat.encode([{"role": "user", "content": "What is the capital of France?"}])
chat.count("some text")
"""

from engine.chat.errors import ChatError
from engine.chat.format import ChatFormat
from engine.chat.probe import probe_folder

__all__ = ["ChatError", "ChatFormat", "probe_folder"]
