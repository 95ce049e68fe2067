"""Parameters for what the model is given to read: text, images, documents, search results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NotRequired, TypeAlias

from .params_common import Cacheable, CitationsConfigParam, TextCitationParam, TypedDict


class TextBlockParam(Cacheable):
    """Text. The API refuses an empty one."""

    text: str
    type: Literal["text"]
    citations: NotRequired[Iterable[TextCitationParam] | None]


class Base64ImageSourceParam(TypedDict):
    """An image, its bytes in base64."""

    data: str
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    type: Literal["base64"]


class URLImageSourceParam(TypedDict):
    """An image that the API fetches."""

    type: Literal["url"]
    url: str


class FileImageSourceParam(TypedDict):
    """An image that was uploaded as a file."""

    file_id: str
    type: Literal["file"]


class ImageTransformationsParam(TypedDict, total=False):
    """What becomes of an image that is too large."""

    oversized_image: Literal["downsize", "error"]


class ImageBlockParam(Cacheable):
    """An image."""

    source: Base64ImageSourceParam | URLImageSourceParam | FileImageSourceParam
    type: Literal["image"]
    transformations: NotRequired[ImageTransformationsParam | None]


ContentBlockSourceContentParam: TypeAlias = TextBlockParam | ImageBlockParam


class Base64PDFSourceParam(TypedDict):
    """A PDF, its bytes in base64."""

    data: str
    media_type: Literal["application/pdf"]
    type: Literal["base64"]


class PlainTextSourceParam(TypedDict):
    """A document of plain text."""

    data: str
    media_type: Literal["text/plain"]
    type: Literal["text"]


class ContentBlockSourceParam(TypedDict):
    """A document made of blocks, which are then what can be cited."""

    content: str | Iterable[ContentBlockSourceContentParam]
    type: Literal["content"]


class URLPDFSourceParam(TypedDict):
    """A PDF that the API fetches."""

    type: Literal["url"]
    url: str


class FileDocumentSourceParam(TypedDict):
    """A document that was uploaded as a file."""

    file_id: str
    type: Literal["file"]


class DocumentBlockParam(Cacheable):
    """A document. The model sees `title` and `context` but never cites from them."""

    source: (
        Base64PDFSourceParam
        | PlainTextSourceParam
        | ContentBlockSourceParam
        | URLPDFSourceParam
        | FileDocumentSourceParam
    )
    type: Literal["document"]
    citations: NotRequired[CitationsConfigParam | None]
    context: NotRequired[str | None]
    title: NotRequired[str | None]


class SearchResultBlockParam(Cacheable):
    """A result of the caller's own search, which the model can cite."""

    content: Iterable[TextBlockParam]
    source: str
    title: str
    type: Literal["search_result"]
    citations: NotRequired[CitationsConfigParam]
