"""Answers that follow a JSON Schema: the provider gets the schema, the client sees text."""
import json

from matrix import everywhere
from standin import tagged

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": False}


@everywhere
def test_an_answer_by_schema(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream, schema=SCHEMA)
    prompt, run = tagged("person")
    answer = talk.say(prompt)
    assert json.loads(answer.text) == {"name": "Ada", "age": 36}
    assert not answer.calls and answer.stop == talk.STOPS["end"]
    asked = standin.of(run)[-1].asked
    assert SCHEMA in [asked.schema, *asked.tools.values()]
