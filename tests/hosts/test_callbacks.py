"""A prompt that runs in a button's callback, where no cell could be asked anything."""

from uuid import uuid4

import pytest

from tests.servers.script import Call, Script

pytestmark = pytest.mark.hosts

BUTTON = """
import ipywidgets
called = []
def book(room: str) -> str:
    called.append(room)
    return "ok"
button = ipywidgets.Button()
@button.on_click
def ask(_):
    try:
        get_ipython().run_cell_magic("glm", "--approve --tool book", "book it")
    except Exception as error:
        print(error)
button.comm.comm_id
"""
ASKS = Script(answer="", calls=(Call("book", '{"room": "blue"}'),))


class Page:
    """The part of a page that sends messages of widgets."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.session = kernel.client.session
        self.subshell = None

    def open_subshell(self):
        message = self.session.msg("create_subshell_request", {})
        self.kernel.client.control_channel.send(message)
        reply = self.kernel.client.get_control_msg(timeout=20)
        self.subshell = reply["content"].get("subshell_id")
        return self.subshell is not None

    def send(self, comm, content, *, beside=False):
        """Send a widget's own message, beside the running cell if asked to."""
        data = {"comm_id": comm, "data": {"method": "custom", "content": content}}
        message = self.session.msg("comm_msg", data)
        message["header"]["msg_id"] = str(uuid4())  # as a page has it
        if beside:
            message["header"]["subshell_id"] = self.subshell
        self.kernel.client.shell_channel.send(message)

    def messages(self):
        while True:
            message = self.kernel.client.get_iopub_msg(timeout=20)
            yield message["msg_type"], message["content"]


@pytest.fixture
def page(kernel, asks_the_server):
    asks_the_server.tell(ASKS, Script(answer="Done."))
    page = Page(kernel)
    page.button = kernel.run(BUTTON, allow_stdin=False).text.strip().strip("'")
    return page


def question_of(content):
    data = content["data"]
    where = data["content"] if data["method"] == "custom" else data["state"].get("snapshot", {})
    return where.get("state", {}).get("question")


def test_the_panel_asks_in_a_callback(kernel, page, asks_the_server):
    if not page.open_subshell():
        pytest.skip("this ipykernel reads no message while a callback runs")
    page.send(page.button, {"event": "click"})
    kinds = []
    for kind, content in page.messages():
        kinds.append(kind)
        if kind == "comm_msg" and (question := question_of(content)):
            break
    assert question == {"number": 1, "call": 'book(room="blue")'}
    assert len(asks_the_server.requests) == 1
    answer = {"type": "allow", "question": 1, "allowed": True}
    page.send(content["comm_id"], answer, beside=True)
    shown = next(content for kind, content in page.messages() if kind == "update_display_data")
    assert "Done." in shown["data"]["text/html"]
    assert "['blue']" in kernel.run("called").text


def test_where_no_message_arrives_meanwhile_nothing_is_sent(page, asks_the_server):
    page.send(page.button, {"event": "click"})
    printed = next(content["text"] for kind, content in page.messages() if kind == "stream")
    assert "--approve has nobody to ask" in printed
    assert asks_the_server.requests == []
