/* See ws_handshake.h. */
#include "proto/ws/ws_handshake.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VERSION "13"
/* 1.3: what both ends put behind the key */
#define GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_SIZE 20

/* --- keys --- */

static void base64(const uint8_t *bytes, size_t size, char *ret)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		size_t n = bri_min_size(3, size - i);
		uint32_t bits = (uint32_t)bytes[i] << 16;

		bits |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= n > 2 ? bytes[i + 2] : 0;
		*ret++ = digits[bits >> 18];
		*ret++ = digits[bits >> 12 & 63];
		*ret++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*ret++ = n > 2 ? digits[bits & 63] : '=';
	}
	*ret = 0;
}

int bri_ws_handshake_key(bri_ws_random_f random, char ret[BRI_WS_KEY_SIZE])
{
	uint8_t bytes[16];
	int r;

	if (random)
		r = random(bytes, sizeof(bytes));
	else
		r = gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0 ? -EIO : 0;
	if (!r)
		base64(bytes, sizeof(bytes), ret);
	return r;
}

int bri_ws_handshake_accept(const char *key, char ret[BRI_WS_ACCEPT_SIZE])
{
	char text[BRI_WS_KEY_SIZE - 1 + sizeof(GUID) - 1];
	uint8_t digest[SHA1_SIZE];

	memcpy(text, key, BRI_WS_KEY_SIZE - 1);
	memcpy(text + BRI_WS_KEY_SIZE - 1, GUID, sizeof(GUID) - 1);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, sizeof(text), digest) < 0)
		return -EIO;
	base64(digest, sizeof(digest), ret);
	return 0;
}

/* base64 of 16 bytes: 22 digits, of which the last has 4 bits to spare, and two marks */
static bool is_key(const char *key)
{
	size_t size = strlen(key);

	if (size != BRI_WS_KEY_SIZE - 1 || strcmp(key + 22, "==") != 0 || !strchr("AQgw", key[21]))
		return false;
	for (size_t i = 0; i < 22; i++) {
		unsigned char c = (unsigned char)key[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!alnum && c != '+' && c != '/')
			return false;
	}
	return true;
}

/* --- writing --- */

struct text {
	char *bytes; /* NULL: measuring */
	size_t size;
};

static void add(struct text *text, const char *what)
{
	size_t size = strlen(what);

	if (text->bytes)
		memcpy(text->bytes + text->size, what, size);
	text->size += size;
}

static void add_field(struct text *text, const char *name, const char *value)
{
	add(text, name);
	add(text, ": ");
	add(text, value);
	add(text, "\r\n");
}

static void add_request(struct text *text, const struct bri_ws_request *request)
{
	add(text, "GET ");
	add(text, request->target);
	add(text, " HTTP/1.1\r\n");
	add_field(text, "Host", request->host);
	add_field(text, "Upgrade", "websocket");
	add_field(text, "Connection", "Upgrade");
	add_field(text, "Sec-WebSocket-Key", request->key);
	add_field(text, "Sec-WebSocket-Version", VERSION);
	for (size_t i = 0; i < request->n_protocols; i++) {
		add(text, i ? ", " : "Sec-WebSocket-Protocol: ");
		add(text, request->protocols[i].name);
	}
	if (request->n_protocols)
		add(text, "\r\n");
	for (size_t i = 0; i < request->n_headers; i++)
		add_field(text, request->headers[i].name, request->headers[i].value);
	add(text, "\r\n");
}

static const char *status_line(unsigned status)
{
	switch (status) {
	case 101: return "HTTP/1.1 101 Switching Protocols\r\n";
	case 426: return "HTTP/1.1 426 Upgrade Required\r\n";
	case 431: return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
	default: return "HTTP/1.1 400 Bad Request\r\n";
	}
}

static void add_answer(struct text *text, const struct bri_ws_answer *answer)
{
	add(text, status_line(answer->status));
	if (answer->status == 101) {
		add_field(text, "Upgrade", "websocket");
		add_field(text, "Connection", "Upgrade");
		add_field(text, "Sec-WebSocket-Accept", answer->accept);
		if (answer->protocol)
			add_field(text, "Sec-WebSocket-Protocol", answer->protocol);
	} else {
		add_field(text, "Connection", "close");
		add_field(text, "Content-Length", "0");
		if (answer->status == 426) { /* 4.4; and RFC 9110, 15.5.22 */
			add_field(text, "Upgrade", "websocket");
			add_field(text, "Sec-WebSocket-Version", VERSION);
		}
	}
	for (size_t i = 0; i < answer->n_headers; i++)
		add_field(text, answer->headers[i].name, answer->headers[i].value);
	add(text, "\r\n");
}

char *bri_ws_handshake_encode_request(const struct bri_ws_request *request, size_t *ret_size)
{
	struct text text = { 0 };

	add_request(&text, request);
	text.bytes = malloc(text.size);
	*ret_size = text.size;
	text.size = 0;
	if (text.bytes)
		add_request(&text, request);
	return text.bytes;
}

char *bri_ws_handshake_encode_answer(const struct bri_ws_answer *answer, size_t *ret_size)
{
	struct text text = { 0 };

	add_answer(&text, answer);
	text.bytes = malloc(text.size);
	*ret_size = text.size;
	text.size = 0;
	if (text.bytes)
		add_answer(&text, answer);
	return text.bytes;
}

/* --- reading --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1" or higher; what is higher than 1.x does not begin with a line of text */
static bool is_http_11(const char *text)
{
	return strncmp(text, "HTTP/1.", 7) == 0 && is_digit(text[7]) && text[7] != '0';
}

/* "GET target HTTP/1.1": one space each, a target that begins with '/' or is a whole URL (4.1) */
static bool is_request_line(const char *line)
{
	const char *target = line + 4, *end;

	if (strncmp(line, "GET ", 4) != 0)
		return false;
	end = strchr(target, ' ');
	if (!end || (target[0] != '/' && strncasecmp(target, "http", 4) != 0))
		return false;
	return is_http_11(end + 1) && !end[9];
}

unsigned bri_ws_handshake_check_request(const struct bri_ws_head *head, const char **ret_key)
{
	size_t hosts, keys, versions;
	const char *key = bri_ws_head_find(head, "Sec-WebSocket-Key", &keys);
	const char *version = bri_ws_head_find(head, "Sec-WebSocket-Version", &versions);

	bri_ws_head_find(head, "Host", &hosts);
	if (!is_request_line(bri_ws_head_start(head)) || hosts != 1)
		return 400;
	if (!bri_ws_head_has_word(head, "Upgrade", "websocket") ||
		!bri_ws_head_has_word(head, "Connection", "upgrade"))
		return 400;
	if (!versions)
		return 400;
	if (!version || strcmp(version, VERSION) != 0)
		return 426;
	if (!key || !is_key(key))
		return 400;
	/* a GET with a body: its bytes would be taken for frames */
	bri_ws_head_find(head, "Transfer-Encoding", &keys);
	version = bri_ws_head_find(head, "Content-Length", &versions);
	if (keys || (versions && (!version || strcmp(version, "0") != 0)))
		return 400;
	*ret_key = key;
	return 0;
}

/* "HTTP/1.1 101 reason". Returns the status, 0: not a status line. */
static unsigned read_status(const char *line)
{
	unsigned status = 0;

	if (!is_http_11(line) || line[8] != ' ')
		return 0;
	for (size_t i = 9; i < 12; i++) {
		if (!is_digit(line[i]))
			return 0;
		status = status * 10 + (unsigned)(line[i] - '0');
	}
	return line[12] == ' ' || !line[12] ? status : 0;
}

static bool is_offered(const char *protocol, const struct bri_ws_pair *protocols, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(protocols[i].name, protocol) == 0)
			return true;
	}
	return false;
}

int bri_ws_handshake_check_answer(const struct bri_ws_head *head, const char *key,
	const struct bri_ws_pair *protocols, size_t n_protocols, const char **ret_protocol)
{
	unsigned status = read_status(bri_ws_head_start(head));
	const char *accept, *protocol;
	char expected[BRI_WS_ACCEPT_SIZE];
	size_t n, extensions;
	int r;

	if (status != 101)
		return status >= 200 && status < 600 ? -ECONNABORTED : -EPROTO;
	r = bri_ws_handshake_accept(key, expected);
	if (r < 0)
		return r;
	accept = bri_ws_head_find(head, "Sec-WebSocket-Accept", &n);
	if (!accept || strcmp(accept, expected) != 0)
		return -ECONNABORTED;
	if (!bri_ws_head_has_word(head, "Upgrade", "websocket") ||
		!bri_ws_head_has_word(head, "Connection", "upgrade"))
		return -ECONNABORTED;
	/* none was offered: permessage-deflate or any other is an error (4.1, item 5) */
	bri_ws_head_find(head, "Sec-WebSocket-Extensions", &extensions);
	protocol = bri_ws_head_find(head, "Sec-WebSocket-Protocol", &n);
	if (extensions || n > 1 || (protocol && !is_offered(protocol, protocols, n_protocols)))
		return -ECONNABORTED;
	*ret_protocol = protocol;
	return 0;
}

bool bri_ws_handshake_owns(const char *name)
{
	static const char *const names[] = { "Connection", "Content-Length", "Sec-WebSocket-Accept",
		"Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol",
		"Sec-WebSocket-Version", "Transfer-Encoding", "Upgrade" };

	for (size_t i = 0; i < BRI_LEN(names); i++) {
		if (strcasecmp(names[i], name) == 0)
			return true;
	}
	return false;
}
