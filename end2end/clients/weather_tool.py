"""One tool in all dialects, for the tests of tool calls."""
NAME = "get_weather"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "days", "unit"],
    "additionalProperties": False,
}
OPENAI = [{"type": "function", "function": {"name": NAME, "description": "The weather in a city", "parameters": SCHEMA}}]
RESPONSES = [{"type": "function", "name": NAME, "description": "The weather in a city", "parameters": SCHEMA, "strict": False}]
ANTHROPIC = [{"name": NAME, "description": "The weather in a city", "input_schema": SCHEMA}]
RESULT = "21 °C and a light wind from the west"


def check(arguments: dict):
    """The arguments are what the schema asks for."""
    assert set(arguments) == set(SCHEMA["required"])
    assert isinstance(arguments["city"], str) and type(arguments["days"]) is int
    assert arguments["unit"] in SCHEMA["properties"]["unit"]["enum"]
