"""Chat templates that tell of tools, in the shapes of three families' own, and one that only looks at them."""

from __future__ import annotations

from typing import Any

QWEN = (
    "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}"
    "{{- messages[0].content + '\\n\\n' }}{%- endif %}{{- 'Functions:' }}"
    "{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if not (loop.first and tools and message.role == 'system') %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
DEEPSEEK = (
    "{{- bos_token }}{%- if tools is defined and tools is not none %}{{- '## Tools\\n' }}{%- for tool in tools %}"
    "{{- '### ' + tool.function.name + '\\nDescription: ' + tool.function.description + '\\nParameters: ' }}"
    "{{- tool.function.parameters | tojson(indent=2) }}{{- '\\n' }}{%- endfor %}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + message.content }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant' }}{%- endif %}"
)
HARMONY = (
    "{%- macro listed(parameters) %}{%- for name, said in parameters.properties.items() %}"
    "{{- name }}{%- if name not in (parameters.required or []) %}?{%- endif %}: {{ said.type or 'any' }},\n"
    "{%- endfor %}{%- endmacro %}"
    "{%- if tools %}{{- '<|im_start|>developer\\nnamespace functions {\\n' }}{%- for tool in tools %}"
    "{%- set tool = tool.function %}{{- '// ' + tool.description + '\\ntype ' + tool.name + ' = (_: {\\n' }}"
    "{{- listed(tool.parameters) }}{{- '}) => any;\\n' }}{%- endfor %}{{- '}<|im_end|>' }}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant' }}{%- endif %}"
)
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
