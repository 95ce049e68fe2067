"""What users annotate with: the views of `tailrace.core`, and the request parameters.

`import tailrace.types` loads nothing: a name is fetched from the module that holds it when it is
first asked for (PEP 562). Type checkers read `_names` instead. The names are those of
`anthropic.types`; the beta API's are in `tailrace.types.beta`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import beta as beta
    from ._names import *  # noqa: F403

_HOMES = {
    "tailrace.core.citations": """
        CitationCharLocation CitationContentBlockLocation CitationPageLocation
        CitationsSearchResultLocation CitationsWebSearchResultLocation TextCitation
    """,
    "tailrace.core.blocks": """
        BetaFallbackBlock BetaFallbackInfo BetaFallbackRefusalTrigger BetaMCPToolUseBlock
        ContainerUploadBlock DirectCaller RedactedThinkingBlock ServerToolCaller
        ServerToolCaller20260120 ServerToolName ServerToolUseBlock TextBlock ThinkingBlock
        ToolUseBlock ToolUseCaller UnknownBlock
    """,
    "tailrace.core.tool_results": """
        Base64PDFSource BetaAdvisorRedactedResultBlock BetaAdvisorResultBlock
        BetaAdvisorToolResultBlock BetaAdvisorToolResultErrorObject BetaMCPToolResultBlock
        CitationsConfig DocumentBlock PlainTextSource ToolReferenceBlock
        ToolSearchToolResultBlock ToolSearchToolResultErrorCode
        ToolSearchToolResultErrorObject ToolSearchToolSearchResultBlock WebFetchBlock
        WebFetchToolResultBlock WebFetchToolResultErrorBlock WebFetchToolResultErrorCode
        WebSearchResultBlock WebSearchToolResultBlock WebSearchToolResultBlockContent
        WebSearchToolResultErrorCode WebSearchToolResultErrorObject
    """,
    "tailrace.core.execution_results": """
        BashCodeExecutionOutputBlock BashCodeExecutionResultBlock
        BashCodeExecutionToolResultBlock BashCodeExecutionToolResultBlockContent
        BashCodeExecutionToolResultErrorCode BashCodeExecutionToolResultErrorObject
        CodeExecutionOutputBlock CodeExecutionResultBlock CodeExecutionToolResultBlock
        CodeExecutionToolResultBlockContent CodeExecutionToolResultErrorCode
        CodeExecutionToolResultErrorObject EncryptedCodeExecutionResultBlock
        TextEditorCodeExecutionCreateResultBlock
        TextEditorCodeExecutionStrReplaceResultBlock TextEditorCodeExecutionToolResultBlock
        TextEditorCodeExecutionToolResultBlockContent
        TextEditorCodeExecutionToolResultErrorCode
        TextEditorCodeExecutionToolResultErrorObject TextEditorCodeExecutionViewResultBlock
    """,
    "tailrace.core.compaction": """
        BetaCompactionBlock BetaMCPTool BetaMCPToolListingBlock
        BetaResponseToolAdditionBlock BetaResponseToolChangeMCPToolReference
        BetaResponseToolChangeMCPToolsetReference BetaResponseToolChangeToolReference
        BetaResponseToolRemovalBlock BetaToolChangeToolDefinition
    """,
    "tailrace.core.usage": """
        BetaAdvisorMessageIterationUsage BetaCompactionIterationUsage
        BetaFallbackCreditNotApplied BetaFallbackCreditRedeemed BetaFallbackCreditUsage
        BetaFallbackMessageIterationUsage BetaIterationsUsage BetaMessageIterationUsage
        CacheCreation Certainty MessageDeltaUsage OutputTokensDetails ServerToolUsage Usage
    """,
    "tailrace.core.circumstances": """
        BetaClearThinking20251015EditResponse BetaClearToolUses20250919EditResponse
        BetaContextManagementResponse BetaCountTokensContextManagementResponse
        BetaInputTransformation BetaThinkingDroppedInputTransformation
        BetaThinkingMismatchAllowedInputTransformation CacheMissMessagesChanged
        CacheMissModelChanged CacheMissPreviousMessageNotFound CacheMissReason
        CacheMissSystemChanged CacheMissToolsChanged CacheMissUnavailable Container
        ContainerSkill Diagnostics RefusalStopDetails StopReason
    """,
    "tailrace.core.content": """
        ContentBlock Message MessageTokensCount ParsedMessage ParsedTextBlock
    """,
    "tailrace.core.events": """
        CitationEvent CitationsDelta CompactionDelta CompactionEvent ContentBlockStopEvent
        InputJSONDelta InputJsonDelta InputJsonEvent MessageStopEvent MessageStreamEvent
        ParsedContentBlockStopEvent ParsedMessageStopEvent ParsedMessageStreamEvent
        RawContentBlockDelta RawContentBlockDeltaEvent RawContentBlockStartEvent
        RawContentBlockStopEvent RawMessageDeltaEvent RawMessageStartEvent
        RawMessageStopEvent RawMessageStreamEvent SignatureDelta SignatureEvent TextDelta
        TextEvent ThinkingDelta ThinkingEvent UnknownDelta UnknownEvent
    """,
    "tailrace.types.params_common": """
        CacheControlEphemeralParam CitationCharLocationParam
        CitationContentBlockLocationParam CitationPageLocationParam
        CitationSearchResultLocationParam CitationWebSearchResultLocationParam
        CitationsConfigParam DirectCallerParam ServerToolCaller20260120Param
        ServerToolCallerParam TextCitationParam
    """,
    "tailrace.types.params_documents": """
        Base64ImageSourceParam Base64PDFSourceParam ContentBlockSourceContentParam
        ContentBlockSourceParam DocumentBlockParam FileDocumentSourceParam
        FileImageSourceParam ImageBlockParam ImageTransformationsParam PlainTextSourceParam
        SearchResultBlockParam TextBlockParam URLImageSourceParam URLPDFSourceParam
    """,
    "tailrace.types.params_results": """
        BashCodeExecutionOutputBlockParam BashCodeExecutionResultBlockParam
        BashCodeExecutionToolResultBlockParam BashCodeExecutionToolResultErrorParam
        BetaAdvisorRedactedResultBlockParam BetaAdvisorResultBlockParam
        BetaAdvisorToolResultBlockParam BetaAdvisorToolResultErrorParam
        BetaRequestMCPToolResultBlockParam CodeExecutionOutputBlockParam
        CodeExecutionResultBlockParam CodeExecutionToolResultBlockParam
        CodeExecutionToolResultBlockParamContentParam CodeExecutionToolResultErrorParam
        EncryptedCodeExecutionResultBlockParam TextEditorCodeExecutionCreateResultBlockParam
        TextEditorCodeExecutionStrReplaceResultBlockParam
        TextEditorCodeExecutionToolResultBlockParam
        TextEditorCodeExecutionToolResultErrorParam
        TextEditorCodeExecutionViewResultBlockParam ToolReferenceBlockParam
        ToolSearchToolResultBlockParam ToolSearchToolResultErrorParam
        ToolSearchToolSearchResultBlockParam WebFetchBlockParam WebFetchToolResultBlockParam
        WebFetchToolResultErrorBlockParam WebSearchResultBlockParam
        WebSearchToolRequestErrorObjectParam WebSearchToolResultBlockParam
        WebSearchToolResultBlockParamContentParam
    """,
    "tailrace.types.params_blocks": """
        BetaCompactionBlockParam BetaFallbackBlockParam BetaFallbackInfoParam
        BetaMCPToolListingBlockParam BetaMCPToolUseBlockParam
        BetaRequestToolAdditionBlockParam BetaRequestToolRemovalBlockParam
        BetaToolChangeMCPToolReferenceParam BetaToolChangeMCPToolsetReferenceParam
        BetaToolChangeToolDefinitionParam BetaToolChangeToolReferenceParam
        BrowserStateBlockParam BrowserStateChangeDownloadCompletedParam
        BrowserStateChangeDownloadFailedParam BrowserStateChangeDownloadStartedParam
        BrowserStateChangeParam BrowserStateChangeTabOpenedParam BrowserStateTabEntryParam
        ContainerUploadBlockParam RedactedThinkingBlockParam ServerToolUseBlockParam
        ThinkingBlockParam ToolResultBlockParam ToolResultContentParam ToolUseBlockParam
    """,
    "tailrace.types.params_web": """
        UserLocationParam WebFetchTool20250910Param WebFetchTool20260209Param
        WebFetchTool20260309Param WebFetchTool20260318Param WebFetchURLSourceAllParam
        WebFetchURLSourceExceptParam WebFetchURLSourceNoneParam WebFetchURLSourceOnlyParam
        WebFetchURLSourceToolReferenceParam WebFetchURLSourcesParam
        WebSearchTool20250305Param WebSearchTool20260209Param WebSearchTool20260318Param
    """,
    "tailrace.types.params_toolsets": """
        BrowserToolset20260801Param BrowserToolsetConfigsParam ComputerToolset20260801Param
        ComputerToolsetConfigsParam ToolsetMemberConfigParam
    """,
    "tailrace.types.params_tools": """
        BetaAdvisorTool20260301Param BetaMCPToolConfigParam BetaMCPToolDefaultConfigParam
        BetaMCPToolParamParam BetaMCPToolsetParam BetaToolBash20241022Param
        BetaToolComputerUse20241022Param BetaToolComputerUse20250124Param
        BetaToolComputerUse20251124Param BetaToolTextEditor20241022Param
        CodeExecutionTool20250522Param CodeExecutionTool20250825Param
        CodeExecutionTool20260120Param CodeExecutionTool20260521Param
        MemoryTool20250818Param MessageCountTokensToolParam ToolBash20250124Param ToolParam
        ToolSearchToolBm25_20251119Param ToolSearchToolRegex20251119Param
        ToolTextEditor20250124Param ToolTextEditor20250429Param ToolTextEditor20250728Param
        ToolUnionParam
    """,
    "tailrace.types.params_request": """
        AnthropicBetaParam BetaBillingPolicyParam BetaFallbackCreditTokenParam
        BetaFallbackParam BetaFallbacksParam BetaRequestMCPServerToolConfigurationParam
        BetaRequestMCPServerURLDefinitionParam BetaThinkingBlockBindingParam
        BetaTokenTaskBudgetParam ContainerParams DiagnosticsParam Effort
        JSONOutputFormatParam MessageCreateParamsContainerParam MetadataParam Model
        ModelParam OutputConfigParam SkillParams Speed ThinkingConfigAdaptiveParam
        ThinkingConfigBetweenToolsParam ThinkingConfigDisabledParam
        ThinkingConfigEnabledParam ThinkingConfigParam ThinkingDisplay ToolChoiceAnyParam
        ToolChoiceAutoParam ToolChoiceNoneParam ToolChoiceParam ToolChoiceToolParam
    """,
    "tailrace.types.params_context": """
        BetaAllThinkingTurnsParam BetaClearThinking20251015EditParam
        BetaClearToolUses20250919EditParam BetaCompact20260112EditParam
        BetaCompactionConfigParam BetaContextManagementConfigParam
        BetaInputTokensClearAtLeastParam BetaInputTokensTriggerParam BetaMessageThreadParam
        BetaThinkingTurnsParam BetaThreadContinueParams BetaThreadCreateParams
        BetaToolUsesKeepParam BetaToolUsesTriggerParam
    """,
    "tailrace.types.params_messages": """
        AssistantMessageParam BetaSystemMessageOutputConfigParam BetaSystemMessageParam
        ContentBlockParam MessageContentParam MessageInput MessageParam SystemMessageParam
        UserMessageParam
    """,
    "tailrace.types.params_create": """
        MessageCountTokensParams MessageCreateParams MessageStreamParams
    """,
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

# Other names that the same things go by.
_ALIASES = {
    "BetaAdvisorToolResultError": "BetaAdvisorToolResultErrorObject",
    "BashCodeExecutionToolResultError": "BashCodeExecutionToolResultErrorObject",
    "CodeExecutionToolResultError": "CodeExecutionToolResultErrorObject",
    "TextEditorCodeExecutionToolResultError": "TextEditorCodeExecutionToolResultErrorObject",
    "ToolSearchToolResultError": "ToolSearchToolResultErrorObject",
    "WebSearchToolResultError": "WebSearchToolResultErrorObject",
    "WebSearchToolRequestErrorParam": "WebSearchToolRequestErrorObjectParam",
    "ParsedContentBlock": "ContentBlock",
    "ContentBlockStartEvent": "RawContentBlockStartEvent",
    "ContentBlockDeltaEvent": "RawContentBlockDeltaEvent",
    "MessageStartEvent": "RawMessageStartEvent",
    "MessageDeltaEvent": "RawMessageDeltaEvent",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, so that a name that is not there is still an error for them.

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return __dir__()
        from importlib import import_module

        if name == "beta":
            return import_module(".beta", __name__)
        wanted = _ALIASES.get(name, name)
        if wanted not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME[wanted]), wanted)
        return value


def __dir__() -> list[str]:
    return sorted({*_HOME, *_ALIASES})
