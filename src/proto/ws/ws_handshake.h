/*
 * The opening handshake of RFC 6455, section 4: what a client asks and a server answers, and
 * whether the other end's words are in order. No extension is ever offered or accepted. Does no
 * I/O.
 */
#ifndef BRI_WS_HANDSHAKE_H
#define BRI_WS_HANDSHAKE_H

#include "proto/ws/ws_engine.h"
#include "proto/ws/ws_head.h"

/* base64 of 16 bytes, and of a SHA-1; with their zeroes */
#define BRI_WS_KEY_SIZE    25
#define BRI_WS_ACCEPT_SIZE 29

struct bri_ws_pair {
	const char *name, *value;
};

/* Borrowed for the calls below. Names and values are in order (bri_ws_head_is_token/value). */
struct bri_ws_request {
	const char *target; /* path and query */
	const char *host;   /* with port, with brackets */
	const char *key;
	const struct bri_ws_pair *protocols; /* their names */
	size_t n_protocols;
	const struct bri_ws_pair *headers;
	size_t n_headers;
};

struct bri_ws_answer {
	unsigned status;      /* 101, or why not: 400, 426, 431 */
	const char *accept;   /* of 101 */
	const char *protocol; /* NULL: none was chosen */
	const struct bri_ws_pair *headers;
	size_t n_headers;
};

/* bri_ws_handshake_key(): a new Sec-WebSocket-Key. 0 or -errno of random (NULL: the library's). */
int bri_ws_handshake_key(bri_ws_random_f random, char ret[BRI_WS_KEY_SIZE]);
/* bri_ws_handshake_accept(): what a server answers to a key (4.2.2, 5.4). 0 or -EIO. */
int bri_ws_handshake_accept(const char *key, char ret[BRI_WS_ACCEPT_SIZE]);

/* bri_ws_handshake_encode_request/answer(): the text; free() it. NULL: no memory. */
char *bri_ws_handshake_encode_request(const struct bri_ws_request *request, size_t *ret_size);
char *bri_ws_handshake_encode_answer(const struct bri_ws_answer *answer, size_t *ret_size);

/*
 * bri_ws_handshake_check_request(): is this head a WebSocket request (4.2.1)?
 *   ret_key  its Sec-WebSocket-Key, borrowed from head
 * Returns 0, or the status to answer: 400, 426 (another version of WebSocket).
 */
unsigned bri_ws_handshake_check_request(const struct bri_ws_head *head, const char **ret_key);

/*
 * bri_ws_handshake_check_answer(): does the server agree (4.1)?
 *   key           what we asked with
 *   protocols     what we offered
 *   ret_protocol  the chosen one, borrowed from head; NULL: none
 * Returns 0, -ECONNABORTED: a proper answer of HTTP, but "no", or one to another key, or it chose
 * what was not offered; -EPROTO: no answer of HTTP; -EIO.
 */
int bri_ws_handshake_check_answer(const struct bri_ws_head *head, const char *key,
	const struct bri_ws_pair *protocols, size_t n_protocols, const char **ret_protocol);

/* bri_ws_handshake_owns(): this header is written by the handshake itself (RFC 6455, 11.3, and what
 * RFC 9112 frames messages with). */
bool bri_ws_handshake_owns(const char *name);

#endif
