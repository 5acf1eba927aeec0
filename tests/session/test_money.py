"""Money and tokens over whole sessions, against tables worked out by hand; budgets that hold."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest

import glm_magic as glm
from glm_magic.core.errors import GlmError, InvalidValueError
from glm_magic.engine.options import Options
from glm_magic.session import budgets, notebook
from glm_magic.session.amounts import TOKENS, Amount, parse_amount
from glm_magic.session.ledger import Total, day_of, grouped
from tests.servers.script import Call, Failure, Script, Tokens

PATHS = {
    "dashscope": "/compatible-mode/v1",
    "dashscope-native": "/api/v1",
    "wcode": "/api/gpt/v1",
    "zai": "/api/paas/v4",
}

# provider, model, then each call: input, cached, output, and the sum in the billed currency
TABLE = [
    # D1, per thousand: 0.003 and 0.014 up to 32,768; 0.004 and 0.016 above; each call for itself
    # 98.304 + 0.014 thousandths, then 131.076 + 0.016: 0.098304 + 0.014 + 0.131076 + 0.016
    ("dashscope", "glm-4.5", [(32768, None, 1000), (32769, None, 1000)], "CNY", "0.259380"),
    ("dashscope-native", "glm-4.5", [(32768, None, 1000), (32769, None, 1000)], "CNY", "0.259380"),
    # two small calls stay in the lower tier although their sum is above it: 2 x (0.06 + 0.0014)
    ("dashscope", "glm-4.5", [(20000, None, 100), (20000, None, 100)], "CNY", "0.1228"),
    # air: 0.8 and 6, then 1.2 and 8 a million
    ("dashscope", "glm-4.5-air", [(32768, None, 500), (32769, None, 500)], "CNY", "0.0725372"),
    # D5, per thousand: 0.0055 and 0.02
    ("wcode", "glm-4.5", [(10, None, 349), (1000, None, 1000)], "CNY", "0.032535"),
    # cached input: 0.60 fresh, 0.11 cached, 2.20 out a million dollars
    # 600 x 0.6 + 400 x 0.11 + 100 x 2.2 = 624; 2000 x 0.11 + 50 x 2.2 = 330
    ("zai", "glm-4.6", [(1000, 400, 100), (2000, 2000, 50)], "USD", "0.000954"),
]


def make(server, provider, model, name="money"):
    return glm.Session(
        name, provider=provider, model=model, base_url=server.url + PATHS[provider],
        api_key="test-key",
    )  # fmt: skip


@pytest.mark.parametrize(("provider", "model", "calls", "currency", "amount"), TABLE)
def test_a_session_costs_what_the_table_says(
    model_server, another_kernel, provider, model, calls, currency, amount
):
    session = make(model_server, provider, model)
    for read, cached, written in calls:
        model_server.tell(Script(tokens=Tokens(read, written, cached=cached)))
        session.ask("why?")
    assert session.cost.amounts == {currency: Decimal(amount)}
    assert session.cost.estimated, "the stand-in's address is not the provider's own"
    another_kernel()
    again = glm.Session("money")
    assert again.cost == session.cost, "from disk to the last digit"
    assert again.usage.input == sum(read for read, _, _ in calls)


def test_totals_are_kept_per_currency_and_day_and_without_a_price_na(model_server):
    model_server.tell(Script(tokens=Tokens(1000, 1000)))
    make(model_server, "wcode", "glm-4.5", "a").ask("1?")
    make(model_server, "zai", "glm-4.6", "b").ask("2?")
    make(model_server, "dashscope", "glm-4.6", "c").ask("3?")
    spent_entries = budgets.all_entries()
    total = Total.of(spent_entries)
    assert total.cost.amounts == {"CNY": Decimal("0.0255"), "USD": Decimal("0.0028")}
    assert total.cost.unpriced == 1
    days = grouped(spent_entries, lambda e: (e.day,))
    assert list(days) == [(day_of(spent_entries[0].at),)]
    assert str(grouped(spent_entries, lambda e: (e.session,))[("c",)].cost) == "n/a"


def test_an_interrupted_call_is_an_estimate_and_marked(model_server):
    session = make(model_server, "zai", "glm-4.6")
    model_server.tell(Script(answer="a" * 4000, pause_s=0.01, tokens=None))
    with session.stream("w" * 400) as stream:
        for event in stream:
            if isinstance(event, glm.ContentDelta) and len(stream.turn.answer) > 400:
                break
    (entry,) = session.entries
    assert entry.estimated
    written = round(len(stream.turn.answer) / 4)
    assert (entry.usage.input, entry.usage.output) == (104, written)
    assert session.cost.estimated
    assert str(session.cost).startswith("≈$")
    assert session.usage == glm.Usage(), "what was not reported is not usage"
    expected = (104 * Decimal("0.60") + written * Decimal("2.20")) / 1_000_000
    assert session.cost.amounts == {"USD": expected}


def test_a_refused_call_costs_nothing_and_is_not_counted(model_server):
    session = make(model_server, "zai", "glm-4.6")
    model_server.tell(Script(refusal=Failure(400, "1301", "blocked")))
    with pytest.raises(GlmError):
        session.ask("1?")
    assert session.entries == []
    assert str(session.cost) == "nothing yet"


# ---- budgets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("¥0.50", "0.50", "CNY"), ("$1", "1", "USD"), ("0.5 CNY", "0.5", "CNY"),
        ("3元", "3", "CNY"), ("500", "500", TOKENS),
        ("0.02USD", "0.02", "USD"), ("20k", "20000", TOKENS), ("1.5M", "1500000", TOKENS),
        ("20,000 tokens", "20000", TOKENS), ("20k tokens", "20000", TOKENS),
        ("2 EUR", "2", "EUR"), ("1ktok", "1000", TOKENS),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(text, number, unit):
    assert parse_amount(text) == Amount(Decimal(number), unit)


@pytest.mark.parametrize("text", ["", "0", "¥0", "-1", "0.5", "five", "$5 CNY", "¥", "5 apples"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InvalidValueError, match="is not an amount"):
        parse_amount(text)


LONG = Script(answer="abcd" * 5000, piece_chars=40, pause_s=0.002, tokens=None)
"""Ten tokens a piece by the estimate, much more than any budget below."""


def stopped(session, prompt="why?", **asked):
    stream = session.open(prompt, session.options, **asked)
    assert stream.wait(30)
    assert stream.error is None
    return stream.turn


def codes(turn):
    return [notice.code for notice in turn.notices if notice.code.startswith("budget")]


def test_a_token_budget_stops_in_mid_stream_within_one_chunk(model_server):
    model_server.tell(LONG)
    session = make(model_server, "zai", "glm-4.6")
    turn = stopped(session, budget=parse_amount("500"))
    assert turn.status == "interrupted"
    assert codes(turn) == ["budget-near", "budget"]
    spent = session.entries[0].usage
    biggest = max(len(e.event.text) for e in session.asked[0].events if hasattr(e.event, "text"))
    assert 500 <= spent.input + spent.output <= 500 + biggest / 4 + 1, "one chunk at most"
    assert len(model_server.requests) == 1


def test_a_money_budget_of_a_session_holds_over_its_turns(model_server):
    session = make(model_server, "zai", "glm-4.6")
    session.budget = parse_amount("$0.002")
    model_server.tell(Script(tokens=Tokens(500, 400)), LONG)  # $0.00118
    first = stopped(session)
    assert first.status == "complete"
    assert codes(first) == []
    second = stopped(session)
    assert second.status == "interrupted"
    assert codes(second) == ["budget-near", "budget"]
    assert Decimal("0.002") <= session.cost.amounts["USD"] < Decimal("0.0024")
    with pytest.raises(InvalidValueError, match=r"session's budget of \$0.002 would be passed"):
        session.ask("third?")
    assert len(model_server.requests) == 2
    assert len(session) == 2, "what was refused is no turn"


def test_a_prompt_that_alone_would_pass_a_budget_is_not_sent(model_server):
    session = make(model_server, "zai", "glm-4.6")
    with pytest.raises(InvalidValueError, match="the prompt alone takes ≈1,004 tokens"):
        session.open("w" * 4000, session.options, budget=parse_amount("1000"))
    assert model_server.requests == []
    assert len(session) == 0


def test_a_day_budget_holds_over_sessions_and_kernels(model_server, store):
    budgets.put(budgets.DAY, "3000 tokens")
    model_server.tell(Script(tokens=Tokens(1000, 1000)))
    make(model_server, "zai", "glm-4.6", "a").ask("1?")
    yesterday = "UPDATE call SET at = at - 172800, day = '2020-01-01' WHERE session_name = 'a'"
    make(model_server, "wcode", "glm-4.5", "b").ask("2?")
    with pytest.raises(InvalidValueError, match="the day's budget of 3,000 tokens"):
        make(model_server, "zai", "glm-4.6", "c").ask("3?")
    notebook.conversations.clear()  # as in another kernel, which has only the disk
    with pytest.raises(InvalidValueError, match="≈4,000 tokens used so far"):
        make(model_server, "zai", "glm-4.6", "c").ask("3?")
    store.write([(yesterday, ())])
    make(model_server, "zai", "glm-4.6", "c").ask("3?")


def test_a_budget_that_cannot_be_held_is_said(model_server):
    model_server.tell(Script())
    session = make(model_server, "zai", "glm-4.6")
    with pytest.raises(InvalidValueError, match="is billed in USD, so the cell's budget of ¥1"):
        session.open("x", session.options, budget=parse_amount("¥1"))
    unpriced = make(model_server, "dashscope", "glm-4.6", "unpriced")
    unpriced.budget = parse_amount("¥1")
    with pytest.raises(InvalidValueError, match="has no known price"):
        unpriced.ask("x")
    session.budget = parse_amount("¥1")
    assert codes(stopped(session)) == ["budget-foreign"]


def test_the_free_quota_is_counted_down_for_each_model(model_server):
    budgets.set_quota(budgets.Quota(1_000_000, "2026-01-01"))
    model_server.tell(Script(tokens=Tokens(1000, 500)))
    make(model_server, "dashscope", "glm-4.5", "a").ask("1?")
    make(model_server, "dashscope-native", "glm-4.5", "b").ask("2?")
    make(model_server, "zai", "glm-4.5", "c").ask("3?")
    spent_entries = budgets.all_entries()
    quota = budgets.quota()
    assert quota.left("glm-4.5", spent_entries) == 997_000
    assert quota.left("glm-4.5-air", spent_entries) == 1_000_000
    assert budgets.Quota(1_000_000, "2099-01-01").left("glm-4.5", spent_entries) == 1_000_000


def test_a_replayed_turn_costs_nothing_and_no_budget_holds_it(model_server, tmp_path, monkeypatch):
    tape = tmp_path / "lesson.glmtape"
    model_server.tell(Script(tokens=Tokens(1000, 1000)))
    with glm.record(tape):
        make(model_server, "zai", "glm-4.6", "live").ask("why?")
    before = Total.of(budgets.all_entries())
    assert before.cost.amounts == {"USD": Decimal("0.0028")}
    session = make(model_server, "zai", "glm-4.6", "replayed")
    session.budget = parse_amount("1 tokens")
    with glm.replay(tape, speed=float("inf")):
        reply = session.ask("why?")
    assert reply.cost.amount == Decimal("0.0028"), "what it cost when it was recorded"
    assert session.entries == []
    assert Total.of(budgets.all_entries()) == before
    assert len(model_server.requests) == 1


def weather(city: str) -> str:
    return city


def test_each_round_of_a_turn_is_counted_once(model_server):
    session = make(model_server, "zai", "glm-4.7")
    session.set_budget(Amount(Decimal(700), TOKENS))
    asks = Script(calls=(Call("weather", '{"city": "Ulm"}'),), tokens=Tokens(250, 100))
    model_server.tell(asks, Script(answer="Rain.", tokens=Tokens(280, 10)))
    reply = session.ask("x", tools=[weather])
    assert reply.status == "complete"
    assert len(model_server.requests) == 2
    model_server.tell(replace(asks, tokens=Tokens(250, 340)))
    session.set_budget(Amount(Decimal(1250), TOKENS))
    with pytest.raises(InvalidValueError, match="going on takes") as caught:
        session.ask("x", tools=[weather])
    assert "nothing was sent" not in caught.value.message
    assert "≈1,230 tokens used so far" in caught.value.message


def test_a_warning_before_a_later_round_is_told(model_server):
    session = make(model_server, "zai", "glm-4.7")
    session.set_budget(Amount(Decimal(800), TOKENS))
    asks = Script(calls=(Call("weather", '{"city": "Ulm"}'),), tokens=Tokens(550, 80))
    model_server.tell(asks, Script(answer="Rain.", tokens=Tokens(60, 5)))
    reply = session.ask("x", tools=[weather])
    assert [n.code for n in reply.turn.notices].count("budget-near") == 1


def test_lanes_that_are_about_to_be_asked_count_for_the_sessions_and_the_days_budget(model_server):
    session = make(model_server, "zai", "glm-4.6")
    prompt = "word " * 100
    for hold in (
        lambda amount: session.set_budget(amount),
        lambda amount: budgets.put(budgets.DAY, amount.written if amount else None),
    ):
        hold(Amount(Decimal(300), TOKENS))
        ways = [session.resolve(Options(parameters={"temperature": n / 10})) for n in range(4)]
        with pytest.raises(InvalidValueError, match="would be passed"):
            session.open_lanes(prompt, ways)
        hold(None)
    assert model_server.requests == []


def test_a_prompt_that_is_asked_again_keeps_its_cells_budget(model_server):
    model_server.tell(Script(answer="word " * 400, tokens=None, piece_chars=5))
    session = make(model_server, "zai", "glm-4.6")
    amount = Amount(Decimal(50), TOKENS)
    session.open("x", session.options, None, amount).wait()
    again = session.retry()
    again.wait()
    assert again.turn.status == "interrupted"


def test_a_tiny_budget_comes_back_from_disk(model_server, another_kernel):
    session = make(model_server, "zai", "glm-4.6")
    session.ask("x")
    session.set_budget(parse_amount("¥0.0000001"))
    another_kernel()
    assert glm.Session("money").budget == session.budget


def independent_sum(calls):
    """Add up calls of glm-4.6 at Z.ai with whole numbers: 0.60 fresh, 0.11 cached, 2.20 out."""
    hundredths = sum(60 * (read - cached) + 11 * cached + 220 * out for read, cached, out in calls)
    return Decimal(hundredths) / 100_000_000


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_random_calls_are_those_of_an_independent_count(model_server, another_kernel, seed):
    dice = random.Random(seed)
    calls = []
    for _ in range(dice.randint(3, 12)):
        read = dice.choice((0, 1, 999, dice.randint(1, 200_000)))
        calls.append((read, dice.randint(0, read), dice.choice((0, 1, dice.randint(1, 90_000)))))
    sessions = [make(model_server, "zai", "glm-4.6", name) for name in ("a", "b", "c")]
    for number, (read, cached, out) in enumerate(calls):
        model_server.tell(Script(tokens=Tokens(read, out, cached=cached)))
        sessions[number % 3].ask("why?")
    entries = budgets.all_entries()
    total = Total.of(entries)
    assert total.cost.amounts == {"USD": independent_sum(calls)}
    assert total.usage.input == sum(read for read, _, _ in calls)
    assert total.usage.output == sum(out for _, _, out in calls)
    assert not total.estimated
    for number, session in enumerate(sessions):
        assert session.cost.amounts.get("USD", 0) == independent_sum(calls[number::3])
    another_kernel()
    assert Total.of(budgets.all_entries()).cost == total.cost, "from disk to the last digit"


def test_a_part_that_is_an_estimate_marks_every_sum_of_it(model_server):
    model_server.tell(Script(tokens=Tokens(1000, 1000)), Script(answer="ok", tokens=None))
    session = make(model_server, "zai", "glm-4.6")
    session.ask("first?")
    assert not parse_amount("1k").is_estimate(session.entries)
    reply = session.ask("second?")
    assert reply.turn.estimate.output == 1, "two letters are a token, not none"
    last = session.entries[-1]
    assert (last.estimated, last.cost.estimated, last.is_estimate) == (True, True, True)
    assert str(Total.of(session.entries).cost).startswith("≈$")
    assert parse_amount("1k").is_estimate(session.entries)
    assert parse_amount("$1").is_estimate(session.entries)
    assert not parse_amount("¥1").is_estimate(session.entries), "no part of it is in yuan"
    assert list(session.to_frame()["estimated"])[1]


def test_a_budget_in_money_needs_the_price_of_what_is_about_to_be_sent(model_server):
    """A tier of which only dearer prompts are known is no price for a short one."""
    session = make(model_server, "zai", "glm-4.6")
    request = session.plan("why?", session.options)
    price = request.offer.price
    long_only = replace(price, tiers=(replace(price.tiers[0], above=32_000),))
    guard = budgets.guard_of(session.conversation, "run", parse_amount("$1"), [], None)
    assert guard.check(request) == []
    unpriced = replace(request, offer=replace(request.offer, price=long_only))
    with pytest.raises(InvalidValueError, match="no known price for a prompt of ≈5 tokens"):
        guard.check(unpriced)
    long = replace(unpriced, size=replace(request.size, input=40_000))
    assert guard.check(long) == []
