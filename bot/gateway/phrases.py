"""Errors told by their words, where gateways send no code or one that says nothing.

The words are of those who run the models and of those who stand between; many translate them.
What a phrase of `_SURE` says outweighs the status, because an empty account comes with 429 and a
model that is gone with 500; the others count where neither a code nor the status says more.
"""

from __future__ import annotations

import re

from bot.domain import OutcomeKind

_READ = 4000  # characters; what is behind them repeats the request


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE | re.DOTALL)


# It will pass: neither the model nor the account is gone.
_PASSING = _any(
    r"overload|temporar|(?:try again|retry) (?:in|later|after|shortly|soon)|at capacity|high demand|\bbusy\b|per (?:minute|second)",
    r"稍后|稍後|负载|負載|繁忙|過負荷|しばらく|混雑|과부하|잠시",
    r"позже|пізніше|más tarde|mais tarde|plus tard|später|più tardi|daha sonra|thử lại sau|coba lagi",
)
_MONEY = _any(
    r"(?:insufficient|not enough|out of|no (?:more )?|low|negative)[ _](?:[a-z]+[ _]){0,2}"
    r"(?:quota|balance|credits?|funds?)\b",
    r"exceeded your (?:current |monthly )?(?:quota|budget|spending)",
    r"(?:balance|credits?|funds?|quota)\b.{0,30}(?:too low|insufficient|not enough|exhausted|used up|depleted|ran out)",
    r"budget (?:has been )?exceeded|exceeded budget|spend(?:ing)? (?:limit|cap)|requires more credits",
    r"billing (?:hard[ _]limit|not[ _]active|account)|payment required|arrear|overdue|top[- ]up|recharge",
    r"(?:purchase|buy|add) (?:more )?(?:credits|funds)",
    r"(?:余额|餘額|额度|額度|配额|配額|积分|點數|点数).{0,8}(?:不足|不够|用尽|用盡|耗尽|耗盡|为负|超出)|欠费|欠費|请充值|請充值",
    r"(?:残高|クレジット|ポイント).{0,6}(?:不足|足りません)|(?:잔액|잔고|크레딧).{0,6}부족",
    r"недостаточно (?:средств|кредит|баланс)|недостатньо (?:коштів|кредит)|пополните (?:баланс|сч)",
    r"(?:saldo|créditos?|fondos|fundos|crédits?|solde|credito|crediti) insuff?i(?:ci|s)[ae]nt",
    r"(?:guthaben|kontingent|budget).{0,20}(?:reicht nicht|aufgebraucht|erschöpft|zu niedrig|unzureichend)"
    r"|(?:nicht genug|nicht genügend|unzureichendes) guthaben",
    r"yetersiz (?:bakiye|kredi)|bakiye.{0,9}yetersiz|số dư không đủ|saldo (?:tidak|belum) (?:cukup|mencukupi)",
    r"رصيد.{0,12}غير كاف|موجودی.{0,12}کافی نیست|अपर्याप्त (?:शेष|बैलेंस|क्रेडिट)",
)
_REFUSED = _any(
    r"content[ _-]?(?:policy|filter|moderation|management)|moderation|flagged",
    r"safety (?:system|filter|polic|guideline|setting|check|reason|violation)",
    r"violat\w+.{0,60}(?:polic|guideline|terms|rules|safety)|polic\w+ violation",
    r"(?:blocked|rejected|refused|denied|declined).{0,60}(?:safety|content|prohibited|moderat)",
    r"prohibited[ _](?:content|use)|(?:inappropriate|unsafe|harmful|sensitive|nsfw|explicit) (?:content|prompt|word|material|image)",
    r"data ?inspection ?failed|responsible ai|\bnsfw\b",
    r"敏感(?:词|詞|内容|內容|信息|資訊)|违规|違規|不合规|内容(?:安全|审核|审查)|內容(?:安全|審核)|审核(?:未|不)通过|安全(?:策略|审核|系统|政策)|风控|不当内容|不當內容",
    r"コンテンツ.{0,4}ポリシー|ポリシー.{0,3}違反|不適切な|安全(?:基準|ポリシー|フィルター)",
    r"콘텐츠 (?:정책|필터)|정책.{0,3}위반|부적절한|안전 (?:정책|필터|시스템)",
    r"наруш\w+.{0,30}(?:политик|правил)|недопустим\w+ (?:контент|содерж)|модерац|поруш\w+.{0,30}(?:політик|правил)",
    r"(?:pol[ií]ticas? de (?:contenido|conteúdo|seguridad|segurança|uso))|conte(?:nido|údo) (?:inapropiado|inapropriado|inadecuado|impróprio|proibido|prohibido)|moderaci[oó]n|moderação",
    r"politique de (?:contenu|sécurité)|contenu (?:inapproprié|interdit)|modération",
    r"(?:inhalts|sicherheits|nutzungs)-?richtlinie|unangemessene\w* inhalt|sicherheitsgründen|verstößt gegen",
    r"politic\w+ (?:sui|dei|di) (?:contenuti|sicurezza)|contenut\w+ (?:inappropriat|non consentit)|moderazione",
    r"içerik politika|uygunsuz içerik|chính sách (?:nội dung|an toàn)|nội dung không phù hợp|kebijakan (?:konten|keamanan)|konten (?:tidak pantas|terlarang)",
    r"سياسة المحتوى|محتوى (?:غير لائق|مخالف|محظور)|سیاست محتوا|محتوای نامناسب|सामग्री नीति|अनुचित सामग्री",
)
# What stands between a model and what is wrong with it: its name, but nothing else that it lacks.
_OF_A_MODEL = (
    r"(?:(?!(?<![\w./-])(?:sizes?|images?|ratios?|param\w*|inputs?|features?|options?|fields?|formats?"
    r"|resolutions?|quality|modalit\w+|styles?|values?|urls?|files?)(?![\w-]))(?:\.(?!\s)|[^.。\n])){0,120}?"
)
_MODEL = _any(
    r"(?:no such|unknown|unsupported|not supported|unrecogni[sz]ed|invalid) model|invalid model name|model[ _]not[ _](?:found|exist|supported|available)",
    rf"\b(?:models?|engine|deployment)\b{_OF_A_MODEL}(?:not (?:be )?found|can(?:not|'t) be used any|not accessible|inaccessible|turned off|switched off|is gone\b|(?:does|do)(?: not|n't) exist|not exist|(?:is )?not (?:available|supported|valid|allowed|enabled)|is not found|isn't (?:available|supported))",
    rf"\bmodels?\b{_OF_A_MODEL}(?:no longer|deprecated|retired|decommissioned|discontinued|sunset|shut ?down|end[- ]of[- ]life|\beol\b|removed)|requested entity was not found|(?:could|can) ?not find (?:the )?model",
    # An id alone, without the word: gpt-image-1, gemini-2.5-flash-image.
    r"(?<![\w./-])(?=[a-z][\w./-]*\d)[a-z][\w./]*-[\w./-]+ (?:has reached (?:its )?end[- ]of[- ]life|(?:has been|have been|was|is|will be) (?:deprecated|retired|decommissioned|discontinued|sunset|shut ?down))",
    r"(?<!file is )(?<!image is )(?<!url is )(?<!link is )no longer (?:available|offered|served|provided)|not a valid model|not found for api version",
    r"no (?:available |healthy )?(?:channels?|endpoints?|providers?|deployments?)\b.{0,40}(?:found|available|for|model)",
    r"not (?:allowed|authorized|permitted) to (?:access|use).{0,20}model|(?:no|not have) access to.{0,20}model",
    rf"无可用渠道|無可用(?:渠道|通道)|模型{_OF_A_MODEL}(?:不存在|不可用|已?下线|已?下架|已?停用|已?停止(?:服务|支持|提供)|已?停服|已?退役|已?弃用|未找到|未开通|不支持|未启用|已关闭)|(?:不存在|不支持|未知|无效)的?(?:该)?模型|无权(?:访问|使用).{{0,20}}模型|模型(?:不存在|已下線|無效)",
    rf"モデル{_OF_A_MODEL}(?:存在しません|見つかりません|利用できません|サポートされていません|終了)",
    rf"모델{_OF_A_MODEL}(?:존재하지 않|찾을 수 없|지원되지 않|지원하지 않|사용할 수 없|종료)",
    rf"модел[ьи]{_OF_A_MODEL}(?:не (?:найден|существует|доступн|поддерживает|знайден|існує|підтримує)|недоступн|отключен|больше не)",
    rf"modelo?{_OF_A_MODEL}(?:no existe|no (?:se )?(?:ha )?encontr|no (?:está )?disponible|no es compatible|(?:fue|ha sido|foi) (?:retirad|eliminad|desativad|desactivad|removid|descontinuad)|não (?:existe|foi encontrado|encontrado|está disponível|é suportado)|indisponível|descontinuado|retirado)",
    rf"modèle{_OF_A_MODEL}(?:n['’]existe (?:pas|plus)|introuvable|n['’]est (?:pas|plus) (?:disponible|pris en charge)|indisponible|inconnu|a été (?:retiré|supprimé|désactivé|abandonné))",
    rf"modell{_OF_A_MODEL}(?:existiert nicht|nicht gefunden|nicht (?:mehr )?(?:verfügbar|unterstützt)|unbekannt|eingestellt|abgeschaltet)|unbekanntes modell",
    rf"modello{_OF_A_MODEL}(?:non (?:esiste|trovato|è (?:più )?(?:disponibile|supportato)))|modello sconosciuto",
    rf"model{_OF_A_MODEL}(?:bulunamadı|mevcut değil|desteklenmiyor|tidak (?:ditemukan|tersedia|ada|didukung))|mô hình{_OF_A_MODEL}không (?:tồn tại|tìm thấy|khả dụng|được hỗ trợ)",
    rf"النموذج{_OF_A_MODEL}(?:غير (?:موجود|متاح|مدعوم))|مدل{_OF_A_MODEL}(?:وجود ندارد|یافت نشد|در دسترس نیست)|मॉडल{_OF_A_MODEL}(?:नहीं मिला|मौजूद नहीं|उपलब्ध नहीं)",
    r"not ?found ?error",  # LiteLLM's name for it
)
_KEY = _any(
    r"(?:incorrect|invalid|wrong|missing|no|expired|revoked|disabled|malformed) (?:api|access|auth\w*)[ _-]?(?:key|token|credentials?)",
    r"invalid (?:token|credentials|authentication)|api[ _-]?key.{0,20}(?:invalid|not valid|expired|revoked|disabled|not found|required|missing)",
    r"(?:token|key) (?:has |is )?(?:expired|invalid|revoked|disabled)|authentication ?(?:error|failed|fails)|unauthenticated|login fail",
    r"无效的?(?:令牌|密钥|key)|令牌.{0,6}(?:过期|无效|不可用|错误|耗尽)|(?:密钥|api ?key).{0,6}(?:无效|错误|过期|不正确)|未提供令牌|(?:鉴权|认证|身份验证)失败|無效的?(?:權杖|金鑰)",
    r"api ?キー.{0,6}(?:無効|正しく|期限)|無効な ?api|(?:유효하지 않은|잘못된) ?api ?키|api ?키.{0,9}(?:유효하지|잘못|만료)",
    r"(?:неверн|недействительн|невірн)\w+.{0,12}(?:ключ|токен)|(?:ключ|токен).{0,12}(?:недействител|истек|просроч)",
    r"(?:clave|chave) (?:de )?(?:la )?api.{0,20}(?:no (?:es )?válida|inválida|incorrecta)|clé (?:d['’])?api.{0,12}(?:invalide|non valide|incorrecte|expirée)",
    r"ungültiger? api[- ]?(?:schlüssel|key)|api[- ]?(?:schlüssel|key).{0,12}(?:ungültig|abgelaufen)|chiave api.{0,12}non valida|geçersiz api|api key tidak valid",
)
_SURE = (
    (OutcomeKind.OUT_OF_MONEY, _MONEY),
    (OutcomeKind.REFUSED, _REFUSED),
    (OutcomeKind.UNKNOWN_MODEL, _MODEL),
    (OutcomeKind.BAD_KEY, _KEY),
)
# What does not mean what it says where it passes by itself: quotas of a minute, crowded models.
_LASTING = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.UNKNOWN_MODEL})

_UNSURE = (
    (
        OutcomeKind.RATE_LIMITED,
        _any(
            r"rate[ _-]?limit|too many requests|requests per (?:minute|second|hour|day)|throttl|resource.?exhausted|concurrency limit|quota exceeded",
            r"请求过(?:于频繁|多)|請求過(?:於頻繁|多)|频率|限流|限速|レート.?制限|リクエストが多|요청이 너무 많|слишком много запросов|забагато запитів",
            r"demasiadas (?:solicitudes|peticiones)|muitas (?:solicitações|requisições)|trop de requêtes|zu viele anfragen|troppe richieste|çok fazla istek|quá nhiều yêu cầu|terlalu banyak permintaan",
        ),
    ),
    (
        OutcomeKind.UNAVAILABLE,
        _any(
            r"overload|(?:server|service|model|upstream|system).{0,20}(?:busy|unavailable)|temporarily|at capacity|high demand|bad gateway|no healthy upstream",
            r"负载|負載|繁忙|稍后(?:再|重)试|服务(?:暂时)?不可用|過負荷|混雑|과부하|перегруж|перевантаж|sobrecarg|surcharg|überlastet|sovraccaric|aşırı yük|quá tải|sibuk",
        ),
    ),
    (
        OutcomeKind.TIMEOUT,
        _any(
            r"timed? ?out|deadline.?exceeded|超时|逾時|タイムアウト|시간 ?초과|тайм-?аут|превышен\w* (?:время|ожидан)|zeitüberschreitung|tiempo de espera|tempo esgotado|délai.{0,12}dépassé|zaman aşımı"
        ),
    ),
    (
        OutcomeKind.BAD_INPUT,
        _any(
            r"(?:invalid|unsupported|corrupt\w*|unreadable) (?:input )?(?:image|picture|file|mime|media)|image.{0,40}(?:too (?:large|big|small|many)|not supported|unsupported|invalid|exceeds?)|too many images",
            r"(?:could not|cannot|can't|failed to|unable to) (?:process|decode|read|download|open|load).{0,30}image|(?:prompt|input|text|context).{0,20}(?:too long|length)|string too long",
            r"图片.{0,12}(?:过大|太大|不支持|无效|格式|解析|失败)|提示词.{0,6}(?:过长|太长)|画像.{0,12}(?:大きすぎ|無効|サポート)|изображени\w+.{0,20}(?:слишком|не поддерж|поврежд)",
        ),
    ),
)
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def sure_kind(words: str) -> OutcomeKind | None:
    """Which failure an error's words tell of, whatever its status; None if they do not say."""
    words = _readable(words)
    passing = bool(_PASSING.search(words))
    for kind, pattern in _SURE:
        if not (passing and kind in _LASTING) and pattern.search(words):
            return kind
    return None


def likely_kind(words: str) -> OutcomeKind | None:
    """Which failure an error's words tell of where nothing else does."""
    words = _readable(words)
    return next((kind for kind, pattern in _UNSURE if pattern.search(words)), None)


def _readable(words: str) -> str:
    """Part the names of errors into their words: ContentPolicyViolationError."""
    return _HUMPS.sub(" ", words[:_READ])
