"""/settings: what users, chats and topics choose."""
