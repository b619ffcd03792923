"""Renders templates as Home Assistant does: [{"template", "value"}] on standard input, their texts on standard output."""

import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment

environment = ImmutableSandboxedEnvironment()
environment.filters["to_json"] = json.dumps


def render(template: str, value: str) -> str:
    variables = {"value": value}
    try:
        variables["value_json"] = json.loads(value)
    except ValueError:
        pass
    return environment.from_string(template).render(variables).strip()


json.dump([render(**one) for one in json.load(sys.stdin)], sys.stdout)
