/* HTTP CONNECT, the client's side: RFC 9110, RFC 9112, RFC 7617. Knows no socket, no clock. */
#include "proto/proxy/http_connect.h"

#include <errno.h>
#include <string.h>

enum state {
	STATUS_LINE, /* "HTTP/1.x NNN", then a blank or the end of the line */
	REASON,      /* the rest of the status line */
	FIELD_START, /* a line begins */
	FIELD_NAME,
	FIELD_VALUE,
	OPEN,
	FAILED,
};

/* What goes out, and where it ends: the caller gave enough room for all that passes the checks. */
struct text {
	char *at;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	memcpy(t->at, bytes, n);
	t->at += n;
}

static void put_text(struct text *t, const char *text)
{
	put(t, text, strlen(text));
}

static void put_number(struct text *t, unsigned n)
{
	char digits[10];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(t, digits + i, sizeof(digits) - i);
}

/* RFC 4648 section 4, of user ":" password. */
static void put_base64(struct text *t, const uint8_t *bytes, size_t n)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;

		if (i + 1 < n)
			three |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < n)
			three |= bytes[i + 2];
		*t->at++ = alphabet[three >> 18];
		*t->at++ = alphabet[three >> 12 & 63];
		*t->at++ = i + 1 < n ? alphabet[three >> 6 & 63] : '=';
		*t->at++ = i + 2 < n ? alphabet[three & 63] : '=';
	}
}

/* RFC 9112 section 3.2.3: host ":" port, always with the port; IPv6 in brackets (RFC 3986 3.2.2) */
static void put_authority(struct text *t, const struct bri_http_connect_target *target)
{
	bool brackets = strchr(target->host, ':') != NULL;

	put_text(t, brackets ? "[" : "");
	put_text(t, target->host);
	put_text(t, brackets ? "]:" : ":");
	put_number(t, target->port);
}

static void put_credentials(struct text *t, const struct bri_http_connect_target *target)
{
	uint8_t pair[BRI_HTTP_CONNECT_USER_MAX + 1 + BRI_HTTP_CONNECT_PASSWORD_MAX];
	const char *password = target->password ? target->password : "";
	size_t user_size = strlen(target->username), password_size = strlen(password);

	memcpy(pair, target->username, user_size);
	pair[user_size] = ':';
	memcpy(pair + user_size + 1, password, password_size);
	put_text(t, "Proxy-Authorization: Basic ");
	put_base64(t, pair, user_size + 1 + password_size);
	put_text(t, "\r\n");
	explicit_bzero(pair, sizeof(pair));
}

/*
 * What would end the host, the line or the request early, or mean something else in an authority,
 * is refused: the host may come from a program's user.
 */
static bool is_host(const char *host)
{
	size_t n = 0;

	for (; host[n]; n++) {
		unsigned char c = (unsigned char)host[n];

		if (n == BRI_HTTP_CONNECT_HOST_MAX || c <= ' ' || c >= 0x7f ||
			strchr("/?#@[]\\\"<>", c))
			return false;
	}
	return n > 0;
}

/* RFC 7617 section 2: no control characters. Other bytes go as they are, which is UTF-8. */
static bool is_credential(const char *text, size_t max, char refused)
{
	size_t n = 0;

	for (; text[n]; n++) {
		unsigned char c = (unsigned char)text[n];

		if (n == max || c < ' ' || c == 0x7f || (refused && text[n] == refused))
			return false;
	}
	return true;
}

int bri_http_connect_request(const struct bri_http_connect_target *target,
	char buf[static BRI_HTTP_CONNECT_REQUEST_MAX], size_t *ret)
{
	struct text text = { buf };

	if (!is_host(target->host))
		return -EINVAL;
	if (target->username &&
		(!is_credential(target->username, BRI_HTTP_CONNECT_USER_MAX, ':') ||
			(target->password && !is_credential(target->password,
						     BRI_HTTP_CONNECT_PASSWORD_MAX, 0))))
		return -EINVAL;
	put_text(&text, "CONNECT ");
	put_authority(&text, target);
	put_text(&text, " HTTP/1.1\r\nHost: ");
	put_authority(&text, target);
	put_text(&text, "\r\n");
	if (target->username)
		put_credentials(&text, target);
	put_text(&text, "\r\n");
	*ret = (size_t)(text.at - buf);
	return 0;
}

void bri_http_connect_init(struct bri_http_connect *c)
{
	memset(c, 0, sizeof(*c));
}

/* RFC 9110 section 15; RFC 9209 section 2.3 tells what proxies mean by 5xx. */
static int status_error(unsigned status)
{
	switch (status) {
	case 401:
	case 407: return -EACCES;
	case 403:
	case 451: return -EPERM;
	case 405:
	case 501: return -EOPNOTSUPP;
	case 408:
	case 504: return -ETIMEDOUT;
	case 502:
	case 503: return -EHOSTUNREACH;
	default: return status >= 500 ? -EREMOTEIO : -ECONNREFUSED;
	}
}

/* The status is known. 1xx are followed by another answer, but for 101, which we did not ask for.
 */
static int check_status(const struct bri_http_connect *c)
{
	if (c->status < 100 || c->status == 101)
		return -EPROTO;
	return c->status < 300 ? 0 : status_error(c->status);
}

/* RFC 9112 section 4: "HTTP/" DIGIT "." DIGIT SP 3DIGIT. 0 or -errno. */
static int on_status_line(struct bri_http_connect *c, uint8_t byte)
{
	static const char start[] = "HTTP/1.";
	bool digit = byte >= '0' && byte <= '9';
	uint8_t at = c->matched++;

	if (at < 7)
		return byte == (uint8_t)start[at] ? 0 : -EPROTO;
	if (at == 7)
		return digit ? 0 : -EPROTO;
	if (at == 8)
		return byte == ' ' ? 0 : -EPROTO;
	if (at < 12) {
		if (!digit)
			return -EPROTO;
		c->status = (uint16_t)(c->status * 10 + byte - '0');
		return 0;
	}
	c->state = REASON;
	return byte == ' ' ? 0 : -EPROTO; /* "\n" was taken as the end of the line */
}

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110 section 5.5: field values have no control characters but the tab */
static int check_value(uint8_t byte)
{
	return byte == '\t' || (byte >= ' ' && byte != 0x7f) ? 0 : -EPROTO;
}

/* The first byte of a line that is not empty: a field, or (obsolete, RFC 9112 section 5.2) a
 * field's next line. */
static int on_field_start(struct bri_http_connect *c, uint8_t byte)
{
	bool folded = byte == ' ' || byte == '\t';

	if (folded && !c->fields)
		return -EPROTO;
	if (++c->fields > BRI_HTTP_CONNECT_FIELDS_MAX)
		return -EMSGSIZE;
	c->state = folded ? FIELD_VALUE : FIELD_NAME;
	return folded || is_token(byte) ? 0 : -EPROTO;
}

static int on_byte(struct bri_http_connect *c, uint8_t byte)
{
	switch ((enum state)c->state) {
	case STATUS_LINE: return on_status_line(c, byte);
	case REASON:
	case FIELD_VALUE: return check_value(byte);
	case FIELD_START: return on_field_start(c, byte);
	case FIELD_NAME:
		if (byte == ':')
			c->state = FIELD_VALUE;
		/* RFC 9112 section 5.1: no blank before the colon */
		return byte == ':' || is_token(byte) ? 0 : -EPROTO;
	case OPEN:
	case FAILED: break;
	}
	return 0;
}

/* The end of the header. RFC 9110 section 9.3.6: what follows a 2xx is the tunnel, whatever its
 * Content-Length or Transfer-Encoding say. */
static void on_header_end(struct bri_http_connect *c)
{
	if (c->status >= 200) {
		c->state = OPEN;
		return;
	}
	c->state = STATUS_LINE;
	c->matched = 0;
	c->status = 0;
}

static int on_line_end(struct bri_http_connect *c)
{
	enum state ended = c->state;

	c->state = FIELD_START;
	switch (ended) {
	case STATUS_LINE: /* the blank after the status is often left out with the reason */
		return c->matched == 12 ? check_status(c) : -EPROTO;
	case REASON: return check_status(c);
	case FIELD_NAME: return -EPROTO;
	case FIELD_START: on_header_end(c); return 0;
	case FIELD_VALUE:
	case OPEN:
	case FAILED: break;
	}
	return 0;
}

/* RFC 9112 section 2.2: lines end in CRLF, or LF alone; CR is nowhere else. */
static int on_any_byte(struct bri_http_connect *c, uint8_t byte)
{
	bool after_cr = c->cr;

	if (++c->head_size > BRI_HTTP_CONNECT_HEAD_MAX)
		return -EMSGSIZE;
	c->cr = byte == '\r';
	if (after_cr && byte != '\n')
		return -EPROTO;
	if (byte == '\n')
		return on_line_end(c);
	return byte == '\r' ? 0 : on_byte(c, byte);
}

int bri_http_connect_rx(
	struct bri_http_connect *c, const uint8_t *bytes, size_t size, size_t *ret_used)
{
	size_t used = 0;

	while (used < size && c->state < OPEN) {
		c->error = on_any_byte(c, bytes[used++]);
		if (c->error)
			c->state = FAILED;
	}
	*ret_used = used;
	if (c->state == FAILED)
		return c->error;
	return c->state == OPEN ? BRI_HTTP_CONNECT_DONE : BRI_HTTP_CONNECT_MORE;
}
