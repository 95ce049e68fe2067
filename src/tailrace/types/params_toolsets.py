"""Parameters for the two toolsets, browser and computer: many small tools under one name.

Each member can be switched off or loaded late by the same two options, so the members are the keys
of a dict and share one class for their options.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias

from .params_common import Cacheable, TypedDict


class ToolsetMemberConfigParam(TypedDict, total=False):
    """How one member of a toolset is offered."""

    defer_loading: bool | None
    enabled: bool | None


_Member: TypeAlias = ToolsetMemberConfigParam | None


class PointerConfigsParam(TypedDict, total=False):
    """The members that both toolsets have."""

    double_click: _Member
    hold_key: _Member
    key: _Member
    left_click: _Member
    left_click_drag: _Member
    left_mouse_down: _Member
    left_mouse_up: _Member
    middle_click: _Member
    mouse_move: _Member
    right_click: _Member
    screenshot: _Member
    scroll: _Member
    triple_click: _Member
    type: _Member
    wait: _Member
    zoom: _Member


class BrowserToolsetConfigsParam(PointerConfigsParam, total=False):
    """The members of the browser toolset."""

    close_tab: _Member
    file_upload: _Member
    find: _Member
    form_input: _Member
    get_page_text: _Member
    hover: _Member
    javascript_exec: _Member
    list_tabs: _Member
    navigate: _Member
    new_tab: _Member
    read_console: _Member
    read_network: _Member
    read_page: _Member
    scroll_to: _Member
    switch_tab: _Member


class ComputerToolsetConfigsParam(PointerConfigsParam, total=False):
    """The members of the computer toolset."""

    cursor_position: _Member


class BrowserToolset20260801Param(Cacheable):
    """A browser that the caller runs."""

    type: Literal["browser_toolset_20260801"]
    configs: NotRequired[BrowserToolsetConfigsParam | None]


class ComputerToolset20260801Param(Cacheable):
    """A computer that the caller runs."""

    type: Literal["computer_toolset_20260801"]
    configs: NotRequired[ComputerToolsetConfigsParam | None]
