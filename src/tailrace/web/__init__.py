"""Pages on the relay: a chat to start from (`tailrace chat-web`, `chat_app()`), and a show.

`tailrace relay-show` is the show: viewers, real nodes, a real Redis server, and buttons to kill
them.
"""

from .chat import chat_app

__all__ = ["chat_app"]
