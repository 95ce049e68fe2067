"""A chat page to start from: `tailrace chat-web`, or `chat_app()` in a server of yours."""

from .chat import chat_app

__all__ = ["chat_app"]
