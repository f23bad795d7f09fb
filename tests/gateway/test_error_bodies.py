"""Errors as they are sent: what body, under what status, is which failure. A table, no codes needed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed
from bot.gateway.phrases import likely_kind, sure_kind
from bot.gateway.response import classify_failure
from tests.gateway.streams import taken

MONEY, REFUSED, MODEL, KEY = "out_of_money", "refused", "unknown_model", "bad_key"
RATE, AWAY, LATE, INPUT, ERROR = (
    "rate_limited",
    "unavailable",
    "timeout",
    "bad_input",
    "gateway_error",
)


def said(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, **more}}


# What status, what body, which failure.
BODIES: list[tuple[int, object, str]] = [
    # LiteLLM names its errors in their words.
    (
        400,
        said(
            "litellm.BadRequestError: litellm.ContentPolicyViolationError: OpenAIException - Your"
            " request was rejected as a result of our safety system.",
            type=None,
            code="400",
        ),
        REFUSED,
    ),
    (400, said("PROHIBITED_CONTENT"), REFUSED),
    (400, said("Conteúdo impróprio"), REFUSED),
    (400, said("Inhalt wurde aus Sicherheitsgründen blockiert"), REFUSED),
    (400, said("المحتوى مخالف"), REFUSED),
    (400, said("Kontingent aufgebraucht"), MONEY),
    (429, said("Monthly spend limit reached"), MONEY),
    (500, said("litellm.ContentPolicyViolationError: AzureException - blocked"), REFUSED),
    (
        400,
        said(
            "/chat/completions: Invalid model name passed in model=painter-9. Call `/v1/models` to"
            " view available models for your key.",
            type="None",
            code="400",
        ),
        MODEL,
    ),
    (
        404,
        said(
            "litellm.NotFoundError: VertexAIException - Publisher Model `projects/p/painter-1` was"
            " not found or your project does not have access to it.",
            code="404",
        ),
        MODEL,
    ),
    (401, said("litellm.AuthenticationError: AuthenticationError: OpenAIException"), KEY),
    (400, said("Budget has been exceeded! Current cost: 10.1, Max budget: 10.0"), MONEY),
    (
        429,
        said("litellm.RateLimitError: OpenAIException - You exceeded your current quota, please"),
        MONEY,
    ),
    (
        429,
        said("Rate limit reached for painter-1 on requests per min: Limit 5. Try again in 12s"),
        RATE,
    ),
    (
        429,
        said(
            "You exceeded your current quota, please check your plan and billing details.", code=""
        ),
        MONEY,
    ),
    (
        429,
        said(
            "Quota exceeded for quota metric 'Generate requests' and limit 'per minute'", code=429
        ),
        RATE,
    ),
    (429, said("You exceeded your current quota. Please retry in 36.5s."), RATE),
    (400, said("Your prompt was flagged by moderation."), REFUSED),
    (403, said("Request flagged as violating our usage policies"), REFUSED),
    (200, {"error": "This request was blocked by our safety filters."}, REFUSED),
    (400, said("Der Prompt verstößt gegen die Inhaltsrichtlinie."), REFUSED),
    (500, said("您的请求包含敏感词，请修改后重试"), REFUSED),
    (400, said("内容审核未通过"), REFUSED),
    (400, said("プロンプトがコンテンツポリシーに違反しています"), REFUSED),
    (400, said("요청이 콘텐츠 정책을 위반했습니다"), REFUSED),
    (400, said("Запрос нарушает правила использования"), REFUSED),
    (400, said("El contenido inapropiado no está permitido"), REFUSED),
    (400, said("La demande a été bloquée par la modération"), REFUSED),
    (400, {"code": "DataInspectionFailed", "message": "Output data may contain"}, REFUSED),
    (400, {"code": "Arrearage", "message": "Access denied, your account is in arrears"}, MONEY),
    (403, said("Insufficient account balance"), MONEY),
    (402, said("This request requires more credits, or fewer max_tokens."), MONEY),
    (400, said("Your credit balance is too low to access the API."), MONEY),
    (403, said("账户余额不足，请充值"), MONEY),
    (403, said("該帳戶餘額不足"), MONEY),
    (500, said("用户额度已用尽"), MONEY),
    (400, said("残高が不足しています"), MONEY),
    (400, said("크레딧이 부족합니다"), MONEY),
    (400, said("Недостаточно средств на счёте"), MONEY),
    (400, said("Saldo insuficiente"), MONEY),
    (400, said("Solde insuffisant"), MONEY),
    (400, said("Ihr Guthaben ist aufgebraucht"), MONEY),
    (400, said("Yetersiz bakiye"), MONEY),
    (404, said("The model `painter-9` does not exist or you do not have access to it."), MODEL),
    (400, said("gemini-9-image is not a valid model ID", code=400), MODEL),
    (
        404,
        said(
            "models/gemini-9-image is not found for API version v1beta, or is not supported for"
            " generateContent.",
            code=404,
            status="NOT_FOUND",
        ),
        MODEL,
    ),
    (404, said("No endpoints found for painter/one.", code=404), MODEL),
    (410, said("This model gemini-2.5-flash-image is no longer available."), MODEL),
    (400, said("The model gemini-2.5-flash-image-preview has been retired. Use another."), MODEL),
    (400, said("The model `painter-1` has been deprecated, learn more here"), MODEL),
    (503, said("分组 default 下模型 painter-1 无可用渠道（distributor）"), MODEL),
    (400, said("模型 painter-1 不存在"), MODEL),
    (400, said("模型 painter-1 已下线"), MODEL),
    (400, said("该模型已停止服务"), MODEL),
    (400, said("gemini-2.5-flash-image was shut down on October 2, 2026."), MODEL),
    (400, said("gpt-image-1 has been discontinued, please use gpt-image-2"), MODEL),
    (400, said("not supported model for image generation, only imagen models are"), MODEL),
    (400, said("该令牌无权访问模型 painter-1"), MODEL),
    (400, said("モデル painter-1 は存在しません"), MODEL),
    (400, said("Modell painter-1 ist nicht mehr verfügbar"), MODEL),
    (400, said("El modelo painter-1 no existe"), MODEL),
    (400, said("O modelo painter-1 não foi encontrado"), MODEL),
    (400, said("Le modèle painter-1 n’existe pas"), MODEL),
    (400, said("модель painter-1 не найдена"), MODEL),
    (401, said("Incorrect API key provided: sk-abc."), KEY),
    (400, said("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT"), KEY),
    (500, said("无效的令牌"), KEY),
    (400, said("该令牌已过期"), KEY),
    (500, said("The model is overloaded. Please try again later."), AWAY),
    (503, said("The model is currently not available, it is temporarily overloaded"), AWAY),
    (500, said("当前分组上游负载已饱和，请稍后再试"), AWAY),
    (500, said("Too many requests"), RATE),
    (500, said("请求过于频繁"), RATE),
    (500, said("Request timed out."), LATE),
    (504, said("insufficient balance"), LATE),
    (500, said("Invalid image: cannot be decoded"), INPUT),
    (400, said("Unknown parameter: 'quality'."), INPUT),
    (422, {"detail": [{"loc": ["body", "size"], "msg": "field required", "type": "v"}]}, INPUT),
    (400, said("Model painter-1: size '4K' is not supported"), INPUT),
    (500, said("panic in the distributor"), ERROR),
    (403, said("Forbidden"), ERROR),
    (404, {"detail": "Not Found"}, ERROR),
    # Errors under 200, by any name.
    (200, {"code": 402, "msg": "insufficient balance", "data": None}, MONEY),
    (200, {"code": 500, "msg": "系统错误", "data": {}}, ERROR),
    (200, {"code": "InvalidApiKey", "message": "Invalid API-key provided."}, KEY),
    (200, {"code": 429, "msg": "slow down"}, RATE),
    (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, MONEY),
    (
        200,
        {"base_resp": {"status_code": 1026, "status_msg": "sensitive content"}, "id": "1"},
        REFUSED,
    ),
    (200, {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "data": {}}, RATE),
    (200, {"detail": [{"msg": "model not found"}]}, MODEL),
    (200, {"detail": "Invalid token"}, KEY),
    (200, {"errors": [{"message": "Content policy violation"}]}, REFUSED),
    (200, {"error_code": 17, "error_msg": "Open api daily request limit reached"}, ERROR),
    (200, {"success": False, "message": "余额不足"}, MONEY),
    (200, {"status": "error", "message": "no such model"}, MODEL),
    (200, {"error": True, "message": "quota exhausted"}, MONEY),
    (200, {"message": "Unauthorized: token expired"}, KEY),
    (200, [{"error": {"code": 404, "message": "Model not found"}}], MODEL),
]


def failure(status: int, body: bytes) -> CallFailed:
    try:
        return classify_failure(taken([body]).reader.response(status))
    except CallFailed as failed:
        return failed


@pytest.mark.parametrize(("status", "body", "kind"), BODIES)
def test_an_error_is_told_by_its_words_where_it_has_no_code(
    status: int, body: object, kind: str
) -> None:
    assert failure(status, json.dumps(body).encode()).kind.value == kind


@pytest.mark.parametrize(("status", "body", "kind"), BODIES)
def test_an_error_in_a_stream_is_the_same(status: int, body: object, kind: str) -> None:
    if isinstance(body, dict):
        stream = b"data: " + json.dumps(body).encode() + b"\n\ndata: [DONE]\n\n"
        assert failure(status, stream).kind.value == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"insufficient balance", MONEY),
        (200, b"Error: invalid api key", KEY),
        (200, b"<html><title>Welcome</title></html>", "unreadable"),
        (500, b"<html><title>Internal Server Error</title></html>", ERROR),
    ],
)
def test_an_error_that_is_no_json_is_told_by_its_words_too(
    status: int, body: bytes, kind: str
) -> None:
    assert failure(status, body).kind.value == kind


@pytest.mark.parametrize(
    "document",
    [
        {"code": 200, "msg": "ok", "data": {"id": "1"}},
        {"code": 0, "message": "success", "data": []},
        {"id": "1", "choices": [], "message": "hello"},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"created": 1, "data": []},
    ],
)
def test_what_says_that_all_is_well_is_no_error(document: object) -> None:
    assert taken([json.dumps(document).encode()]).reader.response(200).error is None


def test_only_who_says_that_nothing_was_done_is_asked_again() -> None:
    for status, body, kind in BODIES:
        failed = failure(status, json.dumps(body).encode())
        assert not failed.repeatable or (kind in {RATE, AWAY} and status in {200, 429, 503})
    words_alone = {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}
    assert not failure(200, json.dumps(words_alone).encode()).repeatable


@given(words=st.text(max_size=200), name=st.sampled_from(["model", "modelo", "モデル", "模型"]))
def test_any_words_are_read(words: str, name: str) -> None:
    for text in (words, name + words * 20):
        assert isinstance(sure_kind(text), OutcomeKind | None)
        assert isinstance(likely_kind(text), OutcomeKind | None)
