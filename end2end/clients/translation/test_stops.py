"""Why an answer ended, in the client's own words."""
from matrix import clients, everywhere, kinds, streams
from standin_backends import CLAUDES
from standin import tagged


@everywhere
def test_cut_at_the_limit(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    answer = talk.say(tagged("cut")[0])
    assert (answer.text, answer.stop) == ("This answer is cut o", talk.STOPS["length"])


@everywhere
def test_filtered(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    answer = talk.say(tagged("filtered")[0])
    assert (answer.text, answer.stop) == ("I can", talk.STOPS["filter"])


@kinds
@streams
def test_stopped_at_a_sequence_in_messages(begin, standin, kind, stream):
    prompt, run = tagged("sequence")
    answer = begin("messages", kind, stream=stream, stop=["STOP", "END"]).say(prompt)
    assert standin.of(run)[-1].asked.stop == ["STOP", "END"]
    assert answer.text == "one two "
    # OpenAI does not tell a sequence from an end.
    assert (answer.stop, answer.sequence) == (("stop_sequence", "STOP") if kind in CLAUDES else ("end_turn", None))


@kinds
@streams
def test_stopped_at_a_sequence_in_chat(begin, standin, kind, stream):
    prompt, run = tagged("sequence")
    answer = begin("chat", kind, stream=stream, stop=["STOP", "END"]).say(prompt)
    assert standin.of(run)[-1].asked.stop == ["STOP", "END"]
    assert (answer.text, answer.stop) == ("one two ", "stop")


@clients
@streams
def test_a_refusal_in_words(begin, client, stream):
    """OpenAI's models refuse in a field of their own; who has no such field gets it as text."""
    for kind in ("compatible", "openai"):
        answer = begin(client, kind, stream=stream).say(tagged("refusal")[0])
        assert answer.refusal + answer.text == "I will not help with that."
        assert answer.refusal or client == "messages"
