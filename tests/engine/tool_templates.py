"""Chat templates that tell of tools and show calls with their results, in the shapes of three families' own; and one
that only looks at tools."""

from __future__ import annotations

from typing import Any

QWEN = (
    "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}"
    "{{- messages[0].content + '\\n\\n' }}{%- endif %}{{- 'Functions:' }}"
    "{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if not (loop.first and tools and message.role == 'system') %}"
    "{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}"
    "{{- '<tool_response>\\n' + message.content if message.role == 'tool' else message.content }}"
    '{%- for call in message.tool_calls or [] %}{%- set call = call.function %}{{- \'\\n{"name": "\' + call.name }}'
    '{{- \'", "arguments": \' }}{{- call.arguments if call.arguments is string else call.arguments | tojson }}'
    "{{- '}' }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
DEEPSEEK = (
    "{{- bos_token }}{%- if tools is defined and tools is not none %}{{- '## Tools\\n' }}{%- for tool in tools %}"
    "{{- '### ' + tool.function.name + '\\nDescription: ' + tool.function.description + '\\nParameters: ' }}"
    "{{- tool.function.parameters | tojson(indent=2) }}{{- '\\n' }}{%- endfor %}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + message.content }}"
    "{%- if message.role == 'assistant' and 'tool_calls' in message %}{%- for tool in message['tool_calls'] %}"
    "{{- tool['type'] + ' ' + tool['function']['name'] + '\\n```json\\n' + tool['function']['arguments'] + '\\n```' }}"
    "{%- endfor %}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant' }}{%- endif %}"
)
HARMONY = (
    "{%- macro listed(parameters) %}{%- for name, said in parameters.properties.items() %}"
    "{{- name }}{%- if name not in (parameters.required or []) %}?{%- endif %}: {{ said.type or 'any' }},\n"
    "{%- endfor %}{%- endmacro %}"
    "{%- if tools %}{{- '<|im_start|>developer\\nnamespace functions {\\n' }}{%- for tool in tools %}"
    "{%- set tool = tool.function %}{{- '// ' + tool.description + '\\ntype ' + tool.name + ' = (_: {\\n' }}"
    "{{- listed(tool.parameters) }}{{- '}) => any;\\n' }}{%- endfor %}{{- '}<|im_end|>' }}{%- endif %}"
    "{%- set last = namespace(name=none) %}{%- for message in messages %}{%- if message.tool_calls %}"
    "{%- set last.name = message.tool_calls[0].function.name %}"
    "{{- '<|im_start|>assistant to=functions.' + last.name + '\\n' + message.content }}"
    "{{- message.tool_calls[0].function.arguments | tojson }}{{- '<|im_end|>' }}{%- elif message.role == 'tool' %}"
    "{%- if last.name is none %}{{- raise_exception('No call comes before this result.') }}{%- endif %}"
    "{{- '<|im_start|>functions.' + last.name + ' to=assistant\\n' }}{{- message.content | tojson }}{{- '<|im_end|>' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' }}{%- endif %}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant' }}{%- endif %}"
)
INSISTING = (
    "{%- set place = namespace(index=0) %}{%- for tool in tools or [] %}{{- tool | tojson }}{%- endfor %}"
    "{%- for message in messages %}{%- if message.tool_calls is defined %}{%- for call in message.tool_calls %}"
    "{%- if call.id | length != 9 %}{{- raise_exception('Ids have nine characters.') }}{%- endif %}"
    "{{- '[TOOL_CALLS]' + (call.function | tojson) }}{%- endfor %}{%- elif message.role == 'tool' %}"
    "{{- '[TOOL_RESULTS]' + message.content }}{%- else %}{%- if (message.role == 'user') != (place.index % 2 == 0) %}"
    "{{- raise_exception('Roles must alternate.') }}{%- endif %}{%- set place.index = place.index + 1 %}"
    "{{- '[' + message.role + ']' + message.content }}{%- endif %}{%- endfor %}"
)
"""As Mistral's: prompts and answers alternate, where calls and results don't count."""
THINKING = {
    name: "{%- for tool in tools or [] %}{{- tool | tojson }}{%- endfor %}{%- for message in messages %}"
    f"{{{{- '[' + message.role + ']' }}}}{{%- if message.tool_calls and message.{name} %}}{{%- if message.content %}}"
    f"{{{{- raise_exception('Not both.') }}}}{{%- endif %}}{{{{- '(' + message.{name} + ')' }}}}{{%- endif %}}"
    "{{- message.content }}{%- for call in message.tool_calls or [] %}{{- call.function | tojson }}{%- endfor %}"
    "{%- endfor %}"
    for name in ("thinking", "reasoning_content")
}
"""They show what was thought before a call, as gpt-oss's and Qwen3's."""
TELLING = {"qwen": QWEN, "deepseek": DEEPSEEK, "harmony": HARMONY}
LOOKING = (
    "{%- if tools %}{{- 'Use tools.' }}{%- endif %}{%- for message in messages %}{{- message.content }}{%- endfor %}"
)
"""It says something else where there are tools, but not which."""


def weather(description: str = "Das Wetter, „jetzt“.", **changes: Any) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["°C", "°F"]}},
        "required": ["city"],
    }
    function = {"name": "get_weather", "description": description, "parameters": parameters}
    return {"type": "function", "function": function | changes}
