"""Text: it arrives as it was said, under the name that was asked for, and is counted."""
from matrix import clients, everywhere, kinds
from standin import script, tagged


@everywhere
def test_a_plain_answer(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    answer = talk.say(tagged("plain")[0])
    assert (answer.text, answer.stop, answer.calls, answer.thinking) == (script.TEXT, talk.STOPS["end"], [], [])
    assert (answer.usage["input"], answer.usage["output"]) == (11, 7) and answer.usage.get("total", 18) == 18


@everywhere
def test_the_model_is_called_as_the_client_called_it(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    assert talk.say(tagged("plain")[0]).model == talk.model


@everywhere
def test_text_cut_at_any_byte(begin, client, kind, stream):
    assert begin(client, kind, stream=stream).say(tagged("unicode")[0]).text == script.UNICODE


@everywhere
def test_an_answer_without_content(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    answer = talk.say(tagged("nothing")[0])
    assert (answer.text, answer.calls, answer.stop) == ("", [], talk.STOPS["end"])


@clients
@kinds
def test_instructions_and_history_arrive(begin, standin, client, kind):
    instructions = {"chat": {}, "messages": {"system": "Be brief."}, "responses": {"instructions": "Be brief."}}[client]
    talk = begin(client, kind, more=instructions)
    if client == "chat":
        talk.history += [{"role": "system", "content": "Be brief."}]
    prompt, run = tagged("plain")
    talk.say(prompt)
    talk.say(f"Again, with ümlauts: {prompt}")
    asked = standin.of(run)[-1].asked
    assert asked.system == ["Be brief."]
    assert asked.texts == [prompt, f"Again, with ümlauts: {prompt}"]


@clients
@kinds
def test_the_clients_key_stays_with_the_router(begin, standin, client, kind):
    talk = begin(client, kind)
    prompt, run = tagged("plain")
    talk.say(prompt)
    [received] = standin.of(run)
    assert talk.account.key not in str(received.headers)
    assert "sk-standin-key" in str(received.headers) or received.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
