/* SOCKS 5, the client's handshake: RFC 1928, RFC 1929. Knows no socket, no clock. */
#include "proto/proxy/socks5.h"

#include <errno.h>
#include <string.h>

enum {
	VERSION = 5,
	AUTH_VERSION = 1,
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	CONNECT = 1,
	ADDRESS_V4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_V6 = 4,
	REPLY_HEAD = 5, /* VER REP RSV ATYP, and the first byte of the address: a name's length */
};

/* RFC 1928 section 3. Without a user name "password" is not offered: we could not go on with it. */
static void encode_greeting(struct bri_socks5 *s)
{
	s->greeting[0] = VERSION;
	s->greeting[2] = METHOD_NONE;
	s->greeting[3] = METHOD_PASSWORD;
	s->greeting[1] = s->has_credentials ? 2 : 1;
	s->greeting_size = 2u + s->greeting[1];
}

static void append(uint8_t *to, size_t *size, const void *bytes, size_t n)
{
	memcpy(to + *size, bytes, n);
	*size += n;
}

static void append_byte(uint8_t *to, size_t *size, size_t byte)
{
	to[(*size)++] = (uint8_t)byte;
}

/*
 * RFC 1929 section 2. It wants at least one byte of password; a user without one sends none, as
 * other clients do.
 */
static int encode_auth(struct bri_socks5 *s, const struct bri_socks5_target *target)
{
	const char *password = target->password ? target->password : "";
	size_t user_size, password_size = strlen(password);

	if (!target->username)
		return 0;
	user_size = strlen(target->username);
	if (!user_size || user_size > BRI_SOCKS5_TEXT_MAX || password_size > BRI_SOCKS5_TEXT_MAX)
		return -EINVAL;
	append_byte(s->auth, &s->auth_size, AUTH_VERSION);
	append_byte(s->auth, &s->auth_size, user_size);
	append(s->auth, &s->auth_size, target->username, user_size);
	append_byte(s->auth, &s->auth_size, password_size);
	append(s->auth, &s->auth_size, password, password_size);
	s->has_credentials = true;
	return 0;
}

/* RFC 1928 section 4 */
static int encode_request(struct bri_socks5 *s, const struct bri_socks5_target *target)
{
	size_t size = target->address ? target->address_size : strlen(target->host);

	if (target->address ? size != 4 && size != 16 : !size || size > BRI_SOCKS5_TEXT_MAX)
		return -EINVAL;
	append_byte(s->request, &s->request_size, VERSION);
	append_byte(s->request, &s->request_size, CONNECT);
	append_byte(s->request, &s->request_size, 0);
	if (target->address) {
		append_byte(s->request, &s->request_size, size == 4 ? ADDRESS_V4 : ADDRESS_V6);
		append(s->request, &s->request_size, target->address, size);
	} else {
		append_byte(s->request, &s->request_size, ADDRESS_NAME);
		append_byte(s->request, &s->request_size, size);
		append(s->request, &s->request_size, target->host, size);
	}
	append_byte(s->request, &s->request_size, target->port >> 8);
	append_byte(s->request, &s->request_size, target->port & 0xff);
	return 0;
}

/* RFC 1928 section 6, REP. The numbers that connect() would give, where it has one. */
static int reply_error(uint8_t reply)
{
	switch (reply) {
	case 1: return EREMOTEIO;
	case 2: return EPERM;
	case 3: return ENETUNREACH;
	case 4: return EHOSTUNREACH;
	case 5: return ECONNREFUSED;
	case 6: return ETIMEDOUT; /* "TTL expired"; servers say it when their connect() timed out */
	case 7: return EOPNOTSUPP;
	case 8: return EAFNOSUPPORT;
	default: return EPROTO; /* not assigned */
	}
}

/* What is wrong with a message, as soon as it can be known: after every byte. 0 or -errno. */
static int check_method(const struct bri_socks5 *s)
{
	if (s->rx[0] != VERSION)
		return -EPROTO;
	if (s->rx_size < 2 || s->rx[1] == METHOD_NONE)
		return 0;
	if (s->rx[1] == 0xff)
		return -EACCES;
	return s->rx[1] == METHOD_PASSWORD && s->has_credentials ? 0 : -EPROTO;
}

/* The version is not looked at: some servers put SOCKS's there. Any status but 0 is a refusal. */
static int check_auth(const struct bri_socks5 *s)
{
	return s->rx_size < 2 || s->rx[1] == 0 ? 0 : -EACCES;
}

static int check_reply(const struct bri_socks5 *s)
{
	if (s->rx[0] != VERSION)
		return -EPROTO;
	if (s->rx_size >= 2 && s->rx[1])
		return -reply_error(s->rx[1]); /* some close behind it, without the rest */
	if (s->rx_size >= 4 && s->rx[3] != ADDRESS_V4 && s->rx[3] != ADDRESS_NAME &&
		s->rx[3] != ADDRESS_V6)
		return -EPROTO;
	return 0;
}

/* How many bytes the reply has, as far as is known. */
static size_t reply_size(const struct bri_socks5 *s)
{
	if (s->rx_size < REPLY_HEAD)
		return REPLY_HEAD;
	switch (s->rx[3]) {
	case ADDRESS_V4: return 4 + 4 + 2;
	case ADDRESS_V6: return 4 + 16 + 2;
	default: return 4 + 1 + (size_t)s->rx[4] + 2;
	}
}

static int check(const struct bri_socks5 *s)
{
	switch (s->state) {
	case BRI_SOCKS5_METHOD: return check_method(s);
	case BRI_SOCKS5_AUTH: return check_auth(s);
	case BRI_SOCKS5_REPLY: return check_reply(s);
	case BRI_SOCKS5_OPEN:
	case BRI_SOCKS5_FAILED: break;
	}
	return 0;
}

static size_t wanted(const struct bri_socks5 *s)
{
	return s->state == BRI_SOCKS5_REPLY ? reply_size(s) : 2;
}

/* A whole message is there, and says yes. */
static void advance(struct bri_socks5 *s)
{
	if (s->state == BRI_SOCKS5_REPLY)
		s->state = BRI_SOCKS5_OPEN;
	else if (s->state == BRI_SOCKS5_METHOD && s->rx[1] == METHOD_PASSWORD)
		s->state = BRI_SOCKS5_AUTH;
	else
		s->state = BRI_SOCKS5_REPLY;
	s->rx_size = 0;
	s->told = false;
}

int bri_socks5_init(struct bri_socks5 *s, const struct bri_socks5_target *target)
{
	int error;

	memset(s, 0, sizeof(*s));
	error = encode_auth(s, target);
	if (!error)
		error = encode_request(s, target);
	if (error)
		return error;
	encode_greeting(s);
	s->state = BRI_SOCKS5_METHOD;
	return 0;
}

bool bri_socks5_tx(struct bri_socks5 *s, const uint8_t **ret, size_t *ret_size)
{
	if (s->told)
		return false;
	switch (s->state) {
	case BRI_SOCKS5_METHOD:
		*ret = s->greeting;
		*ret_size = s->greeting_size;
		break;
	case BRI_SOCKS5_AUTH:
		*ret = s->auth;
		*ret_size = s->auth_size;
		break;
	case BRI_SOCKS5_REPLY:
		*ret = s->request;
		*ret_size = s->request_size;
		break;
	case BRI_SOCKS5_OPEN:
	case BRI_SOCKS5_FAILED: return false;
	}
	s->told = true;
	return true;
}

int bri_socks5_rx(struct bri_socks5 *s, const uint8_t *bytes, size_t size, size_t *ret_used)
{
	enum bri_socks5_state before = s->state;
	size_t used = 0;

	while (used < size && s->state == before && before < BRI_SOCKS5_OPEN) {
		s->rx[s->rx_size++] = bytes[used++];
		s->error = check(s);
		if (s->error)
			s->state = BRI_SOCKS5_FAILED;
		else if (s->rx_size == wanted(s))
			advance(s);
	}
	*ret_used = used;
	if (s->state == BRI_SOCKS5_FAILED)
		return s->error;
	return s->state == BRI_SOCKS5_OPEN ? BRI_SOCKS5_DONE : BRI_SOCKS5_MORE;
}

void bri_socks5_wipe(struct bri_socks5 *s)
{
	explicit_bzero(s->auth, sizeof(s->auth));
	s->auth_size = 0;
}
