/*
 * The head of an HTTP/1.1 message (RFC 9112): start line and header fields, as they come in, with
 * limits. Strict: lines end in CR LF, names are tokens, no folded lines. Says no at the first line
 * that is wrong. Knows no header's meaning.
 */
#ifndef BRI_WS_HEAD_H
#define BRI_WS_HEAD_H

#include "base/base.h"

/* What a WebSocket handshake needs is under 1 KiB; cookies and tokens are what can be long, and
 * servers take 8 to 16 KiB of them. */
#define BRI_WS_HEAD_MAX (16u * 1024u)
/* The usual limit of servers, and three times of what browsers send. */
#define BRI_WS_HEAD_FIELDS_MAX 100

struct bri_ws_field {
	uint16_t name, value; /* where in text; each ends in zero */
};

/* Fields are ws_head.c's, but n. */
struct bri_ws_head {
	char *text; /* grows to BRI_WS_HEAD_MAX + 1 */
	size_t size, room;
	size_t line; /* where the line begins that is not whole yet */
	size_t n;    /* fields */
	bool has_start;
	struct bri_ws_field fields[BRI_WS_HEAD_FIELDS_MAX];
};

void bri_ws_head_init(struct bri_ws_head *head);
void bri_ws_head_fini(struct bri_ws_head *head);

/*
 * bri_ws_head_rx(): take bytes of the head.
 *   ret_used  how many; what follows an end of the head is not taken
 * Returns 0: the head is whole, BRI_WS_HEAD_MORE, -EPROTO: not HTTP, -EMSGSIZE: over a limit, or
 * -ENOMEM.
 */
#define BRI_WS_HEAD_MORE 1
int bri_ws_head_rx(struct bri_ws_head *head, const void *bytes, size_t size, size_t *ret_used);

/* bri_ws_head_start(): the start line, as text. */
const char *bri_ws_head_start(const struct bri_ws_head *head);
const char *bri_ws_head_name(const struct bri_ws_head *head, size_t i);
const char *bri_ws_head_value(const struct bri_ws_head *head, size_t i);

/* bri_ws_head_find(): the value of the only field of that name (any case).
 *   ret_count  how many there are
 * NULL: none, or more than one. */
const char *bri_ws_head_find(const struct bri_ws_head *head, const char *name, size_t *ret_count);

/*
 * bri_ws_head_next_word(): the words of a list ("a, b ,c"; RFC 9110, 5.6.1) in one value, without
 * the space around them; empty ones are left out.
 *   cursor  begins as the value; moves on
 * Returns where the word is; NULL: no more.
 */
const char *bri_ws_head_next_word(const char **cursor, size_t *ret_size);
/* bri_ws_head_has_word(): some field of this name lists the word, in any case. */
bool bri_ws_head_has_word(const struct bri_ws_head *head, const char *name, const char *word);

/* bri_ws_head_is_token(): RFC 9110, 5.6.2: what names of fields and subprotocols are made of. */
bool bri_ws_head_is_token(const char *text, size_t size);
/* bri_ws_head_is_value(): RFC 9110, 5.5: printable, or space, tab and bytes over 127. */
bool bri_ws_head_is_value(const char *text, size_t size);

#endif
