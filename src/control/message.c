/*
 * The messages between braidd and its clients. Each message has one function that says its fields;
 * encoding and decoding both run it, so they cannot drift apart. Knows no sockets.
 */
#include "control/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t magic[3] = { 'B', 'R', 'D' };

#define CLAIM_FLAGS BRI_MESSAGE_CLAIM_COLD
#define WATCH_ALL                                                                                  \
	(BRI_MESSAGE_WATCH_CLAIMED | BRI_MESSAGE_WATCH_CONNECTIONS | BRI_MESSAGE_WATCH_PATHS)
#define PATH_FLAGS (BRI_MESSAGE_PATH_USABLE | BRI_MESSAGE_PATH_METERED)
#define CONNECTION_FLAGS                                                                           \
	(BRI_MESSAGE_CONNECTION_COLD | BRI_MESSAGE_CONNECTION_CLAIMED |                            \
		BRI_MESSAGE_CONNECTION_ACCEPTED)
#define SUBFLOW_FLAGS (BRI_MESSAGE_SUBFLOW_BACKUP | BRI_MESSAGE_SUBFLOW_PRIMARY)

/* A place in the bytes. The first error stays: later fields do nothing. */
struct cursor {
	bool decoding;
	const uint8_t *in; /* decoding */
	uint8_t *out;      /* encoding */
	size_t at, size;
	int error;
};

static void fail(struct cursor *c, int error)
{
	if (c->error == 0)
		c->error = error;
}

/* The next n bytes belong to the caller, or false. */
static bool claim_bytes(struct cursor *c, size_t n)
{
	if (c->error == 0 && n > c->size - c->at)
		c->error = c->decoding ? -EBADMSG : -EMSGSIZE;
	if (c->error)
		return false;
	c->at += n;
	return true;
}

static uint64_t number(struct cursor *c, uint64_t value, size_t bytes)
{
	size_t at = c->at;

	if (!claim_bytes(c, bytes))
		return 0;
	if (!c->decoding) {
		for (size_t i = 0; i < bytes; i++)
			c->out[at + i] = (uint8_t)(value >> (8 * i));
		return value;
	}
	value = 0;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)c->in[at + i] << (8 * i);
	return value;
}

/* Fields. When encoding, the value is only read. */
static void field_u8(struct cursor *c, uint8_t *value)
{
	uint8_t v = (uint8_t)number(c, *value, 1);

	if (c->decoding)
		*value = v;
}

static void field_u16(struct cursor *c, uint16_t *value)
{
	uint16_t v = (uint16_t)number(c, *value, 2);

	if (c->decoding)
		*value = v;
}

static void field_u32(struct cursor *c, uint32_t *value)
{
	uint32_t v = (uint32_t)number(c, *value, 4);

	if (c->decoding)
		*value = v;
}

static void field_u64(struct cursor *c, uint64_t *value)
{
	uint64_t v = number(c, *value, 8);

	if (c->decoding)
		*value = v;
}

static void require(struct cursor *c, bool ok)
{
	if (!ok)
		fail(c, c->decoding ? -EBADMSG : -EINVAL);
}

/* A number in 0..max. */
static void field_choice(struct cursor *c, uint8_t *value, uint8_t max)
{
	field_u8(c, value);
	require(c, *value <= max);
}

static void field_flags(struct cursor *c, uint8_t *value, uint8_t known)
{
	field_u8(c, value);
	require(c, (*value & ~known) == 0);
}

static void field_nonzero(struct cursor *c, uint32_t *value)
{
	field_u32(c, value);
	require(c, *value != 0);
}

/* C0 controls and DEL do not belong into what a terminal may be shown. */
static bool is_shown(uint8_t byte, bool lines)
{
	return (byte >= 0x20 && byte != 0x7f) || (lines && byte == '\n');
}

static void put_text(struct cursor *c, const char *text, size_t len, bool lines)
{
	size_t at = c->at;

	if (!claim_bytes(c, len))
		return;
	for (size_t i = 0; i < len; i++)
		c->out[at + i] = is_shown((uint8_t)text[i], lines) ? (uint8_t)text[i] : '?';
}

static void get_text(struct cursor *c, char *text, size_t len, bool lines)
{
	size_t at = c->at;

	if (!claim_bytes(c, len))
		return;
	for (size_t i = 0; i < len; i++)
		require(c, is_shown(c->in[at + i], lines));
	memcpy(text, c->in + at, len);
	text[len] = '\0';
}

/* Length in two bytes, then the text without a zero; at most size - 1 bytes. */
static void field_text(struct cursor *c, char *text, size_t size, bool lines)
{
	uint16_t len = c->decoding ? 0 : (uint16_t)strnlen(text, size - 1);

	field_u16(c, &len);
	require(c, len < size);
	if (c->error)
		return;
	if (c->decoding)
		get_text(c, text, len, lines);
	else
		put_text(c, text, len, lines);
}

/* The family as people say it (0, 4, 6), then 16 bytes; unused ones are zero. */
static void field_ip(struct cursor *c, struct bri_ip *ip)
{
	uint8_t family = ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 6 : 0;
	size_t used, at;

	require(c, c->decoding || family != 0 || ip->family == 0);
	field_u8(c, &family);
	require(c, family == 0 || family == 4 || family == 6);
	used = family == 4 ? 4 : family == 6 ? 16 : 0;
	at = c->at;
	if (!claim_bytes(c, sizeof(ip->bytes)))
		return;
	if (!c->decoding) {
		memset(c->out + at, 0, sizeof(ip->bytes));
		memcpy(c->out + at, ip->bytes, used);
		return;
	}
	ip->family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : 0;
	memcpy(ip->bytes, c->in + at, sizeof(ip->bytes));
	for (size_t i = used; i < sizeof(ip->bytes); i++)
		require(c, ip->bytes[i] == 0);
}

/* --- messages, in the order of their numbers --- */

static void interfaces(struct cursor *c, uint32_t *indexes, uint8_t n)
{
	for (uint8_t i = 0; i < n && c->error == 0; i++)
		field_nonzero(c, &indexes[i]);
}

static void claim(struct cursor *c, struct bri_message *m)
{
	struct bri_message_claim *x = &m->claim;

	field_nonzero(c, &x->token);
	field_choice(c, &x->service, BRI_MESSAGE_SERVICE_AGGREGATE);
	field_flags(c, &x->flags, CLAIM_FLAGS);
	field_choice(c, &x->n_required, BRI_MESSAGE_MAX_INTERFACES);
	field_choice(c, &x->n_prohibited, BRI_MESSAGE_MAX_INTERFACES);
	interfaces(c, x->required, x->n_required);
	interfaces(c, x->prohibited, x->n_prohibited);
}

static void release(struct cursor *c, struct bri_message *m)
{
	field_nonzero(c, &m->release.token);
}

static void set(struct cursor *c, struct bri_message *m)
{
	struct bri_message_set *x = &m->set;

	field_u32(c, &x->token);
	field_u32(c, &x->pid);
	field_choice(c, &x->service, BRI_MESSAGE_SERVICE_AGGREGATE);
	require(c, (x->token == 0) != (x->pid == 0));
}

static void nothing(struct cursor *c, struct bri_message *m)
{
	(void)c;
	(void)m;
}

static void watch(struct cursor *c, struct bri_message *m)
{
	field_flags(c, &m->watch.what, WATCH_ALL);
}

static void set_socket(struct cursor *c, struct bri_message *m)
{
	field_u64(c, &m->set_socket.cookie);
	field_choice(c, &m->set_socket.service, BRI_MESSAGE_SERVICE_AGGREGATE);
	require(c, m->set_socket.cookie != 0);
}

static void ok(struct cursor *c, struct bri_message *m)
{
	field_u32(c, &m->ok.count);
}

static void error(struct cursor *c, struct bri_message *m)
{
	field_nonzero(c, &m->error.error);
	field_text(c, m->error.text, sizeof(m->error.text), false);
}

static void status(struct cursor *c, struct bri_message *m)
{
	struct bri_message_status *x = &m->status;

	field_text(c, x->version, sizeof(x->version), false);
	field_choice(c, &x->mode, BRI_MESSAGE_MODE_KERNEL);
	field_choice(c, &x->default_service, BRI_MESSAGE_SERVICE_AGGREGATE);
	field_u32(c, &x->n_connections);
	field_u32(c, &x->n_claims);
	field_u64(c, &x->uptime_s);
	field_text(c, x->missing, sizeof(x->missing), true);
}

static void path(struct cursor *c, struct bri_message *m)
{
	struct bri_message_path *x = &m->path;

	field_nonzero(c, &x->ifindex);
	field_text(c, x->name, sizeof(x->name), false);
	field_choice(c, &x->kind, BRI_MESSAGE_KIND_TUNNEL);
	field_flags(c, &x->flags, PATH_FLAGS);
	field_u32(c, &x->order);
	field_ip(c, &x->address);
	field_ip(c, &x->gateway);
	field_text(c, x->why, sizeof(x->why), false);
}

static void subflow(struct cursor *c, struct bri_message_subflow *x)
{
	field_ip(c, &x->local);
	field_u16(c, &x->local_port);
	field_ip(c, &x->remote);
	field_u16(c, &x->remote_port);
	field_u8(c, &x->local_id);
	field_u8(c, &x->remote_id);
	field_flags(c, &x->flags, SUBFLOW_FLAGS);
	field_u32(c, &x->ifindex);
	field_u32(c, &x->rtt_us);
	field_text(c, x->state, sizeof(x->state), false);
}

static void connection(struct cursor *c, struct bri_message *m)
{
	struct bri_message_connection *x = &m->connection;

	field_nonzero(c, &x->token);
	field_u32(c, &x->uid);
	field_u32(c, &x->pid);
	field_text(c, x->program, sizeof(x->program), false);
	field_choice(c, &x->service, BRI_MESSAGE_SERVICE_AGGREGATE);
	field_choice(c, &x->source, BRI_MESSAGE_SOURCE_APPLICATION);
	field_flags(c, &x->flags, CONNECTION_FLAGS);
	field_choice(c, &x->n_subflows, BRI_MESSAGE_MAX_SUBFLOWS);
	for (uint8_t i = 0; i < x->n_subflows && c->error == 0; i++)
		subflow(c, &x->subflows[i]);
}

static void metrics(struct cursor *c, struct bri_message *m)
{
	field_text(c, m->metrics.text, sizeof(m->metrics.text), true);
}

static void end(struct cursor *c, struct bri_message *m)
{
	field_u32(c, &m->end.count);
}

static void event(struct cursor *c, struct bri_message *m)
{
	struct bri_message_event *x = &m->event;

	field_u64(c, &x->time_ns);
	field_choice(c, &x->kind, BRI_MESSAGE_EVENT_NOTE);
	require(c, x->kind != 0);
	field_u32(c, &x->token);
	field_u32(c, &x->uid);
	field_u32(c, &x->ifindex);
	field_text(c, x->text, sizeof(x->text), false);
}

typedef void (*body_f)(struct cursor *c, struct bri_message *m);

static body_f body_of(uint16_t type)
{
	switch (type) {
	case BRI_MESSAGE_CLAIM: return claim;
	case BRI_MESSAGE_RELEASE: return release;
	case BRI_MESSAGE_SET: return set;
	case BRI_MESSAGE_STATUS:
	case BRI_MESSAGE_PATHS:
	case BRI_MESSAGE_LIST:
	case BRI_MESSAGE_METRICS: return nothing;
	case BRI_MESSAGE_WATCH: return watch;
	case BRI_MESSAGE_SET_SOCKET: return set_socket;
	case BRI_MESSAGE_OK: return ok;
	case BRI_MESSAGE_ERROR: return error;
	case BRI_MESSAGE_STATUS_IS: return status;
	case BRI_MESSAGE_PATH: return path;
	case BRI_MESSAGE_CONNECTION: return connection;
	case BRI_MESSAGE_METRICS_PIECE: return metrics;
	case BRI_MESSAGE_END: return end;
	case BRI_MESSAGE_EVENT: return event;
	default: return NULL;
	}
}

int bri_message_encode(const struct bri_message *message, uint8_t *ret, size_t size)
{
	/* encoding only reads the message: one walk serves both directions */
	struct bri_message *m = (struct bri_message *)(uintptr_t)message;
	struct cursor c = { .out = ret, .at = BRI_MESSAGE_HEADER, .size = size };
	struct cursor header = { .out = ret, .at = sizeof(magic), .size = BRI_MESSAGE_HEADER };
	body_f body = body_of(message->type);

	if (!body)
		return -EINVAL;
	if (size < BRI_MESSAGE_HEADER)
		return -EMSGSIZE;
	body(&c, m);
	if (c.error)
		return c.error;
	memcpy(ret, magic, sizeof(magic));
	number(&header, BRI_MESSAGE_VERSION, 1);
	number(&header, message->type, 2);
	number(&header, 0, 2);
	number(&header, message->id, 4);
	number(&header, c.at - BRI_MESSAGE_HEADER, 4);
	return (int)c.at;
}

int bri_message_decode(const uint8_t *bytes, size_t size, struct bri_message *ret)
{
	struct cursor c = { .decoding = true, .in = bytes, .at = sizeof(magic), .size = size };
	struct bri_message m;
	uint64_t version, reserved, length;
	body_f body;

	if (size < BRI_MESSAGE_HEADER || size > BRI_MESSAGE_MAX ||
		memcmp(bytes, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	memset(&m, 0, sizeof(m));
	version = number(&c, 0, 1);
	field_u16(&c, &m.type);
	reserved = number(&c, 0, 2);
	field_u32(&c, &m.id);
	length = number(&c, 0, 4);
	if (version != BRI_MESSAGE_VERSION)
		return -EPROTONOSUPPORT;
	if (reserved != 0 || length != size - BRI_MESSAGE_HEADER)
		return -EBADMSG;
	body = body_of(m.type);
	if (!body) {
		ret->type = m.type;
		ret->id = m.id;
		return -EOPNOTSUPP;
	}
	body(&c, &m);
	if (c.error)
		return c.error;
	if (c.at != c.size)
		return -EBADMSG;
	*ret = m;
	return 0;
}

static const char *word(const char *const *words, size_t n, uint8_t i)
{
	return i < n && words[i] ? words[i] : "?";
}

static const char *const service_words[] = { "none", "handover", "interactive", "aggregate" };

const char *bri_message_service_word(uint8_t service)
{
	return word(service_words, BRI_LEN(service_words), service);
}

int bri_message_service_from_word(const char *text)
{
	for (size_t i = 0; i < BRI_LEN(service_words); i++)
		if (strcmp(text, service_words[i]) == 0)
			return (int)i;
	return -EINVAL;
}

const char *bri_message_source_word(uint8_t source)
{
	static const char *const words[] = { "default", "rule", "application" };

	return word(words, BRI_LEN(words), source);
}

const char *bri_message_mode_word(uint8_t mode)
{
	static const char *const words[] = { "none", "userspace", "kernel" };

	return word(words, BRI_LEN(words), mode);
}

const char *bri_message_kind_word(uint8_t kind)
{
	static const char *const words[] = { "other", "wired", "wifi", "cellular", "tunnel" };

	return word(words, BRI_LEN(words), kind);
}

const char *bri_message_event_word(uint8_t kind)
{
	static const char *const words[] = { NULL, "subflow-up", "subflow-down", "primary",
		"path-lost", "path-back", "better-path", "note" };

	return word(words, BRI_LEN(words), kind);
}
