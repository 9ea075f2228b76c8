"""Output that follows a JSON schema, a regular expression or a grammar: which tokens may come next.

The grammar is a stranger's text, and the library that reads it (llguidance) can be made to run for minutes, to fill the
memory and to overflow its stack with a few hundred characters. So it works in processes of its own, one for each
request, with limits that the kernel keeps: `process` is the engine's side, `python -m engine.grammar` the other one.
"""

WHITESPACE = r"[ \n\t\r]{1,40}"
"""Between the parts of JSON. Unbounded, a model that is unsure writes spaces to the end of its tokens."""
