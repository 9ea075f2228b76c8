"""What a model wrote, taken apart as it comes: reasoning, answer, tool calls. Imports neither torch nor transformers.

parser = parser_for("deepseek-r1", opened=True)
parser.feed("Two and two")       # [Reasoning("Two and two")]
parser.marker("</think>")        # [] - as a token of its own
parser.feed("Four")              # [Answer("Four")]
parser.finish()                  # what was held back
"""

from engine.answers.formats import FORMATS, AnswerFormat, detect_format
from engine.answers.parser import AnswerParser, parser_for
from engine.answers.segments import Answer, Reasoning, Segment, ToolCall

__all__ = [
    "FORMATS",
    "Answer",
    "AnswerFormat",
    "AnswerParser",
    "Reasoning",
    "Segment",
    "ToolCall",
    "detect_format",
    "parser_for",
]
