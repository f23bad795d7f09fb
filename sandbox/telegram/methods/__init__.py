"""The methods that the sandbox knows; to add one, write its function and name it here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sandbox.telegram.request import Arguments
from sandbox.telegram.world import World

from . import editing, info, inline, receiving, sending

Method = Callable[[World, Arguments], Awaitable[object]]

METHODS: dict[str, Method] = {
    "answerCallbackQuery": editing.answer_callback_query,
    "answerGuestQuery": inline.answer_guest_query,
    "answerInlineQuery": inline.answer_inline_query,
    "copyMessage": sending.copy_message,
    "createForumTopic": info.create_forum_topic,
    "deleteMessage": editing.delete_message,
    "deleteMessages": editing.delete_messages,
    "deleteMyCommands": info.delete_my_commands,
    "deleteWebhook": receiving.delete_webhook,
    "editMessageCaption": editing.edit_message_caption,
    "editMessageMedia": editing.edit_message_media,
    "editMessageReplyMarkup": editing.edit_message_reply_markup,
    "editMessageText": editing.edit_message_text,
    "forwardMessage": sending.forward_message,
    "getChat": info.get_chat,
    "getChatAdministrators": info.get_chat_administrators,
    "getChatMember": info.get_chat_member,
    "getFile": receiving.get_file,
    "getMe": info.get_me,
    "getMyCommands": info.get_my_commands,
    "getMyDescription": info.get_my_description,
    "getMyShortDescription": info.get_my_short_description,
    "getUpdates": receiving.get_updates,
    "getWebhookInfo": receiving.get_webhook_info,
    "leaveChat": info.leave_chat,
    "sendChatAction": sending.send_chat_action,
    "sendDocument": sending.send_document,
    "sendMediaGroup": sending.send_media_group,
    "sendMessage": sending.send_message,
    "sendMessageDraft": sending.send_message_draft,
    "sendPhoto": sending.send_photo,
    "setMessageReaction": editing.set_message_reaction,
    "setMyCommands": info.set_my_commands,
    "setMyDescription": info.set_my_description,
    "setMyShortDescription": info.set_my_short_description,
    "setWebhook": receiving.set_webhook,
}
