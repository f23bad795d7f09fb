"""First parts: messages behind which, by their looks, more of the same prompt follows. Pure.

Telegram's clients cut a text of more than 4096 characters into several messages, each but the last
nearly full. A comment on what is forwarded comes first, as a message of its own; only its words
show it: they change something that is not there. Who is taken for one wrongly waits a moment.
"""

from __future__ import annotations

import re

from bot.domain import AlbumItem

FULL, NEARLY_FULL = 4096, 4000  # UTF-16 units: clients cut at the last space or line that fits
LONGEST_COMMENT = 1000  # characters

# How a wish begins that is about something at hand. Whole words, except in Chinese and Japanese.
_BEGINNINGS = """
make it|make this|make that|make him|make her|make them|make the|make me|turn|change|convert
remove|delete|erase|replace|swap|add|put|edit|fix|restore|colorize|colourize|colourise|color|recolor
crop|blur|sharpen|upscale|enlarge|brighten|darken|improve|retouch|transform|redraw|redo|restyle|give
same|this|that|these|those|it|as a|as an|like a|like an|into|in the style|in style|but|without|now
сделай|сделайте|преврати|превратите|измени|поменяй|замени|удали|убери|добавь|раскрась|улучши
перерисуй|обработай|исправь|вырежи|это|эту|этот|её|его|их|как|в стиле|но|без|пусть|то же
зроби|зробіть|перетвори|зміни|заміни|видали|прибери|додай|розфарбуй|покращ|перемалюй|виправ|це|цю
цей|її|його|їх|як|у стилі|в стилі|але|без|нехай
haz|hazlo|hazla|haga|convierte|conviértelo|cambia|quita|elimina|borra|reemplaza|sustituye|añade
agrega|pon|ponle|edita|mejora|restaura|colorea|esto|esta|este|como|al estilo|en estilo|pero|sin
faça|deixe|deixa|transforme|transforma|converta|mude|muda|troque|troca|tire|tira|remova|remove
apague|substitua|adicione|coloque|coloca|melhore|restaure|isso|isto|essa|esse|no estilo|em estilo
mas|sem
fais|faites|rends|rendez|transforme|transformez|change|changez|remplace|remplacez|enlève|retire
supprime|efface|ajoute|ajoutez|mets|mettez|améliore|restaure|colorie|colorise|ceci|ça|cette|comme
dans le style|en style|mais|sans
mach|mache|machen|verwandle|ändere|ersetze|entferne|lösche|füge|setz|setze|gib|verbessere|koloriere
dies|dieses|diese|das hier|es|ihn|sie|als|wie|im stil|aber|ohne|bitte
fai|falla|fallo|rendi|rendila|rendilo|trasforma|trasformala|cambia|sostituisci|togli|rimuovi
elimina|cancella|aggiungi|metti|migliora|restaura|colora|questo|questa|come|nello stile|in stile
ma|senza
bunu|şunu|onu|yap|dönüştür|değiştir|kaldır|sil|ekle|bu|gibi|tarzında|ama
اجعل|اجعله|اجعلها|حول|حوّل|حولها|غيّر|غير|أزل|احذف|استبدل|أضف|ضع|حسّن|لوّن|هذا|هذه|بأسلوب|مثل|لكن|بدون
این|اینو|آن|تبدیل|تغییر|حذف|اضافه|عوض|پاک|رنگی|بهتر|به سبک|مثل|ولی|بدون|کن
इसे|इसको|इस|यह|इसमें|उसे|बदलो|हटाओ|हटा|जोड़ो|बनाओ|लेकिन|बिना
jadikan|ubah|ganti|hapus|hilangkan|tambah|tambahkan|buat jadi|buang|perbaiki|warnai|ini|seperti
dengan gaya|tapi|tanpa
biến|đổi|thay|xóa|xoá|bỏ|thêm|sửa|chỉnh|làm cho|hãy|tô màu|cái này|bức này|ảnh này|như|theo phong cách
nhưng|không có
이|이거|이것|이걸|이 사진|여기|배경을|배경|대신
"""
# In Chinese, Japanese and Korean the verb stands behind; what points at a picture may be anywhere.
_INSIDE = """
把|将|將|这|這|它|改成|变成|變成|换成|換成|去掉|去除|删除|刪除|加上|修复|修復|上色
これ|この|それ|消して|変えて|にして|加えて|追加して|直して
바꿔|바꾸|지워|없애|제거|추가해|넣어|수정
"""


def _words(table: str) -> list[str]:
    return [re.escape(word) for word in re.split(r"[|\n]", table) if word]


_COMMENT = re.compile(rf"\W*(?:{'|'.join(_words(_BEGINNINGS))})(?!\w)", re.IGNORECASE)
# The same verbs, but what they ask for is new: "make me a logo", "give us a cat".
_NEW = re.compile(
    r"\W*(?:(?:make|give)(?: me| us)? an? |(?:сделай|сделайте|зроби|зробіть)(?: мне| нам| мені)? (?:карти|рис|изобр|зобр|фото|лого|постер|ава|икон)"
    r"|haz(?:me|nos)? una? |haga una? "
    r"|mach(?:e|en)?(?: sie)?(?: mir| uns)? eine?n? |(?:fais|faites)(?:[- ]moi|[- ]nous)? une? |faça uma? "
    r"|fai(?:mmi)? un['ao]? )",
    re.IGNORECASE,
)
_CHANGE = re.compile("|".join(_words(_INSIDE)))
_POINTING = re.compile(r"\b(?:this|the|that) (?:photo|picture|image|background)\b", re.IGNORECASE)


def is_cut(text: str, spare: int = 0) -> bool:
    """Whether a text is as long as only a part of a longer one is; `spare` units were taken off."""
    return _units(text) >= NEARLY_FULL - spare


def is_full(text: str) -> bool:
    """Whether a text was cut off where it would not hold another character: within a word."""
    return _units(text) >= FULL and not text[-1].isspace()


def is_comment(words: str) -> bool:
    """Whether words are about something at hand, as a comment on a forwarded picture is."""
    if len(words) > LONGEST_COMMENT:
        return False
    if not words.isascii() and _CHANGE.search(words):
        return True
    begins = _COMMENT.match(words) and not _NEW.match(words)
    return bool(begins or _POINTING.search(words))


def separator(before: AlbumItem, text: str) -> str:
    """Tell what stood before a text, as it was sent, where it was cut off and both parts trimmed."""
    if before.full and not text[:1].isspace():
        return ""
    return "\n" if "\n" in before.prompt or "\n" in text else " "


def _units(text: str) -> int:
    # Most texts are short: they are not encoded to be measured.
    return len(text.encode("utf-16-le")) // 2 if len(text) >= NEARLY_FULL // 2 else len(text)
