/*
 * One TLS or DTLS session: its life, its handshake with the questions in it, its records.
 * Knows no network (tls_io.c) and no trust store.
 */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Warnings that a peer may send in a row before it is taken for a hostile one. */
#define WARNINGS_MAX 5
/* How often a peer hears that we do not renegotiate: one that goes on asking must not make us say
 * it without end (RFC 5246 section 7.4.1.1: such a request may be ignored). */
#define REFUSALS_MAX 16

static int on_verify(gnutls_session_t session)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);
	unsigned n = 0;

	if (tls->trust_answered)
		return tls->trust_code ? GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR : 0;
	/* RFC 5246 section 7.4.6: a client without a certificate says so with an empty list; a
	 * server that must have one has refused it by now */
	if (!gnutls_certificate_get_peers(session, &n) || !n)
		return tls->server ? 0 : GNUTLS_E_NO_CERTIFICATE_FOUND;
	tls->question = BRI_TLS_TRUST;
	return GNUTLS_E_INTERRUPTED;
}

static int on_key_update(gnutls_session_t session, unsigned int type, unsigned int when,
	unsigned int incoming, const gnutls_datum_t *msg)
{
	struct bri_tls *tls = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)msg;
	if (incoming)
		tls->key_updates++;
	return 0;
}

static unsigned init_flags(const struct bri_tls_config *config)
{
	unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;

	flags |= config->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
	if (config->datagram)
		flags |= GNUTLS_DATAGRAM;
	if (!config->tickets)
		flags |= GNUTLS_NO_TICKETS;
	if (config->false_start && !config->server)
		flags |= GNUTLS_ENABLE_FALSE_START;
	if (config->replay || config->early.size)
		flags |= GNUTLS_ENABLE_EARLY_DATA;
	return flags;
}

static int set_protocols(struct bri_tls *tls, const struct bri_tls_config *config)
{
	gnutls_datum_t *list;
	int r;

	if (!config->n_protocols)
		return 0;
	list = calloc(config->n_protocols, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_protocols; i++) {
		list[i].data = (unsigned char *)(uintptr_t)config->protocols[i].bytes;
		list[i].size = (unsigned)config->protocols[i].size;
	}
	/* RFC 7301 section 3.2: a server that shares none of the client's says so, fatally */
	r = gnutls_alpn_set_protocols(tls->session, list, (unsigned)config->n_protocols,
		GNUTLS_ALPN_MANDATORY | (config->server ? GNUTLS_ALPN_SERVER_PRECEDENCE : 0));
	free(list);
	return bri_tls_errno(r);
}

static int init_server(struct bri_tls *tls, const struct bri_tls_config *config)
{
	static const gnutls_certificate_request_t requests[] = {
		[BRI_TLS_CLIENTS_ANONYMOUS] = GNUTLS_CERT_IGNORE,
		[BRI_TLS_CLIENTS_MAY] = GNUTLS_CERT_REQUEST,
		[BRI_TLS_CLIENTS_MUST] = GNUTLS_CERT_REQUIRE,
	};
	int r = 0;

	gnutls_certificate_server_set_request(tls->session, requests[config->clients]);
	if (config->tickets && config->ticket_key.size)
		r = bri_tls_errno(
			gnutls_session_ticket_enable_server(tls->session, &config->ticket_key));
	if (r == 0 && config->asks_identity)
		r = bri_tls_hello_init(tls);
	return r;
}

static int init_client(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r = 0;

	if (config->server_name)
		r = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, config->server_name,
			strlen(config->server_name));
	if (r >= 0 && config->resume.size)
		r = gnutls_session_set_data(
			tls->session, config->resume.bytes, config->resume.size);
	return bri_tls_errno(r);
}

static int init_datagram(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r;

	gnutls_dtls_set_mtu(tls->session, BRI_TLS_HANDSHAKE_MTU);
	/* RFC 6347 section 4.2.4.1: 1 s, doubled each time; the end is ours (give_up_ns) */
	gnutls_dtls_set_timeouts(
		tls->session, 1000, (unsigned)(2 * BRI_TLS_HANDSHAKE_NS / BRI_NS_PER_MS));
	tls->cookie_seen = !config->server;
	if (!config->server)
		return 0;
	tls->peer_id_size = config->peer_id.size;
	tls->peer_id = malloc(tls->peer_id_size + 1);
	if (!tls->peer_id)
		return -ENOMEM;
	if (tls->peer_id_size)
		memcpy(tls->peer_id, config->peer_id.bytes, tls->peer_id_size);
	tls->cookie_key = config->cookie_key;
	if (tls->cookie_key.size)
		return 0;
	r = bri_tls_errno(gnutls_key_generate(&tls->own_cookie_key, GNUTLS_COOKIE_KEY_SIZE));
	tls->cookie_key = tls->own_cookie_key;
	return r;
}

static int init_session(struct bri_tls *tls, const struct bri_tls_config *config)
{
	int r = bri_tls_errno(gnutls_init(&tls->session, init_flags(config)));

	if (r < 0)
		return r;
	gnutls_session_set_ptr(tls->session, tls);
	bri_tls_io_attach(tls);
	gnutls_session_set_verify_function(tls->session, on_verify);
	gnutls_handshake_set_max_packet_length(tls->session, BRI_TLS_HANDSHAKE_MAX);
	gnutls_handshake_set_hook_function(
		tls->session, GNUTLS_HANDSHAKE_KEY_UPDATE, GNUTLS_HOOK_POST, on_key_update);
	r = bri_tls_priority_set(tls->session, config);
	if (r == 0)
		r = bri_tls_credentials_init(tls, config);
	if (r == 0)
		r = set_protocols(tls, config);
	if (r == 0 && config->datagram)
		r = init_datagram(tls, config);
	if (r < 0)
		return r;
	r = config->server ? init_server(tls, config) : init_client(tls, config);
	return r < 0 ? r : bri_tls_early_init(tls, config);
}

int bri_tls_new(const struct bri_tls_config *config, uint64_t now_ns, struct bri_tls **ret)
{
	struct bri_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls)
		return -ENOMEM;
	atomic_init(&tls->refs, 1);
	tls->kept_tail = &tls->kept;
	tls->server = config->server;
	tls->datagram = config->datagram;
	tls->clients = config->server ? config->clients : BRI_TLS_CLIENTS_ANONYMOUS;
	tls->context = config->context;
	tls->on_certificate_request = config->on_certificate_request;
	tls->on_psk_request = config->on_psk_request;
	tls->give_up_ns = now_ns + BRI_TLS_HANDSHAKE_NS;
	r = init_session(tls, config);
	if (r < 0) {
		bri_tls_put(tls);
		return r;
	}
	*ret = tls;
	return 0;
}

struct bri_tls *bri_tls_get(struct bri_tls *tls)
{
	atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
	return tls;
}

void bri_tls_put(struct bri_tls *tls)
{
	if (!tls || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (tls->session)
		gnutls_deinit(tls->session);
	bri_tls_credentials_fini(tls);
	bri_tls_hello_fini(tls);
	bri_tls_io_fini(tls);
	free(tls);
}

/* --- failures --- */

/* RFC 8446 section 6.2: whoever finds an error says so, once, and sends nothing more. */
static void send_alert(struct bri_tls *tls, int gnutls_error)
{
	int level = GNUTLS_AL_FATAL;
	int alert = gnutls_error_to_alert(gnutls_error, &level);

	if (gnutls_error == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR && tls->trust_code)
		alert = (int)bri_tls_error_alert(tls->trust_code);
	if (alert < 0)
		return;
	gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, (gnutls_alert_description_t)alert);
}

static int fail(struct bri_tls *tls, int gnutls_error)
{
	bool done = atomic_load_explicit(&tls->done, memory_order_relaxed);

	if (tls->no_memory || gnutls_error == GNUTLS_E_MEMORY_ERROR) {
		tls->error = BRI_TLS_INTERNAL;
		return -ENOMEM;
	}
	/* the end within a record is an end, whatever is wrong with the record */
	if (tls->in_end_seen && gnutls_error == GNUTLS_E_UNEXPECTED_PACKET_LENGTH)
		gnutls_error = GNUTLS_E_PREMATURE_TERMINATION;
	switch (gnutls_error) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		tls->error = bri_tls_error_of_alert(gnutls_alert_get(tls->session));
		break;
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_SESSION_EOF:
		/* RFC 8446 section 6.1: an end that the peer did not announce may be an attacker's
		 */
		tls->error = done ? BRI_TLS_CLOSED_NO_NOTIFY : BRI_TLS_CLOSED_ABORT;
		break;
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
		tls->error = tls->trust_code ? tls->trust_code : bri_tls_error_of(gnutls_error);
		send_alert(tls, gnutls_error);
		break;
	default:
		tls->error = bri_tls_error_of(gnutls_error);
		send_alert(tls, gnutls_error);
		break;
	}
	return -EPROTO;
}

/* --- the handshake --- */

/*
 * A resumed session is as good as the one it resumes, but whom the application trusts may have
 * changed since: it is asked again about the same certificates.
 */
static bool must_ask_again(struct bri_tls *tls)
{
	unsigned n = 0;

	if (tls->trust_answered || !gnutls_session_is_resumed(tls->session))
		return false;
	if (tls->server && tls->clients == BRI_TLS_CLIENTS_ANONYMOUS)
		return false;
	if (gnutls_certificate_get_peers(tls->session, &n) && n)
		return true;
	/* a session of a time when no certificate was wanted is not good enough now */
	if (tls->clients == BRI_TLS_CLIENTS_MUST) {
		tls->trust_answered = true;
		tls->trust_code = BRI_TLS_BAD_CERT;
	}
	return false;
}

static int finish(struct bri_tls *tls)
{
	if (must_ask_again(tls)) {
		tls->question = BRI_TLS_TRUST;
		return BRI_TLS_ASKS;
	}
	if (tls->trust_answered && tls->trust_code)
		return fail(tls, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	/* records that are larger than the path are the kernel's to fragment, as other datagrams */
	if (tls->datagram)
		gnutls_dtls_set_mtu(tls->session, UINT16_MAX);
	bri_tls_early_finish(tls);
	atomic_store_explicit(&tls->done, true, memory_order_release);
	return 0;
}

static bool is_harmless(const struct bri_tls *tls, int r)
{
	if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED)
		return false;
	/* RFC 6347 section 4.1.2.7: what does not fit in is dropped silently */
	return r == GNUTLS_E_WARNING_ALERT_RECEIVED || r == GNUTLS_E_GOT_APPLICATION_DATA ||
	       (tls->datagram && !gnutls_error_is_fatal(r));
}

/* Of datagrams nothing is held for long: RFC 6347 section 4.2.3 numbers the messages. */
static bool is_flooded(const struct bri_tls *tls)
{
	return !tls->datagram && tls->in_idle > BRI_TLS_IDLE_MAX;
}

/* No failure of its own, but there were too many of them in a row. */
static int too_many(int r)
{
	return r == GNUTLS_E_WARNING_ALERT_RECEIVED || r == GNUTLS_E_REHANDSHAKE
		       ? GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS
		       : r;
}

static bool is_later(const struct bri_tls *tls, int r)
{
	return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED ||
	       (tls->datagram && !gnutls_error_is_fatal(r));
}

static int handshake(struct bri_tls *tls)
{
	int r;

	if (tls->shaken) /* only the answer was missing; GnuTLS would begin anew */
		return finish(tls);
	if (tls->datagram) /* anybody may have sent them */
		tls->warnings = 0;
	do {
		r = gnutls_handshake(tls->session);
	} while (r < 0 && is_harmless(tls, r) && ++tls->warnings <= WARNINGS_MAX);
	if (r == 0) {
		tls->shaken = true;
		return finish(tls);
	}
	if (tls->question != BRI_TLS_NO_QUESTION)
		return BRI_TLS_ASKS;
	if (is_later(tls, r) && !tls->no_memory)
		return is_flooded(tls) ? fail(tls, GNUTLS_E_HANDSHAKE_TOO_LARGE) : BRI_TLS_WAITS;
	return fail(tls, too_many(r));
}

int bri_tls_step(struct bri_tls *tls, uint64_t now_ns)
{
	int r;

	if (tls->error)
		return -EPROTO;
	if (tls->question != BRI_TLS_NO_QUESTION)
		return BRI_TLS_ASKS;
	if (bri_tls_is_done(tls))
		return 0;
	if (now_ns >= tls->give_up_ns) {
		tls->error = BRI_TLS_TIMEOUT;
		gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, GNUTLS_A_USER_CANCELED);
		return -EPROTO;
	}
	if (tls->datagram && tls->server) {
		r = bri_tls_io_cookie(tls, now_ns);
		if (r)
			return r;
	}
	if (tls->probe) {
		r = bri_tls_hello_step(tls);
		if (r == -EMSGSIZE)
			return fail(tls, GNUTLS_E_HANDSHAKE_TOO_LARGE);
		if (r)
			return r;
	}
	return handshake(tls);
}

uint64_t bri_tls_deadline_ns(struct bri_tls *tls, uint64_t now_ns)
{
	uint64_t deadline_ns = tls->give_up_ns;

	if (bri_tls_is_done(tls) || tls->error)
		return BRI_NEVER;
	/* whoever answers takes the time he needs; the flight is the peer's to repeat meanwhile */
	if (tls->datagram && tls->cookie_seen && tls->question == BRI_TLS_NO_QUESTION) {
		unsigned ms = gnutls_dtls_get_timeout(tls->session);

		deadline_ns =
			bri_min_u64(deadline_ns, now_ns + (uint64_t)(ms ? ms : 1) * BRI_NS_PER_MS);
	}
	return deadline_ns;
}

void bri_tls_set_context(struct bri_tls *tls, void *context)
{
	tls->context = context;
}

enum bri_tls_question bri_tls_question(const struct bri_tls *tls)
{
	return tls->question;
}

void bri_tls_answer_trust(struct bri_tls *tls, int code)
{
	if (tls->question != BRI_TLS_TRUST)
		return;
	tls->question = BRI_TLS_NO_QUESTION;
	tls->trust_answered = true;
	tls->trust_code = code;
}

void bri_tls_answer_identity(struct bri_tls *tls)
{
	if (tls->question != BRI_TLS_IDENTITY)
		return;
	tls->question = BRI_TLS_NO_QUESTION;
	tls->identity_answered = true;
}

/* --- records --- */

/* GnuTLS says "later" also when it has used up a record without content (a ticket) and more is
 * there.
 */
static ssize_t receive(struct bri_tls *tls, void *buffer, size_t size)
{
	size_t before;
	ssize_t n;

	do {
		before = tls->in_size;
		n = gnutls_record_recv(tls->session, buffer, size);
	} while (n == GNUTLS_E_AGAIN && tls->in_size && tls->in_size < before);
	return n;
}

/* RFC 5246 section 7.4.1.1: renegotiation is refused, whoever wants it. */
static void refuse(struct bri_tls *tls)
{
	if (tls->refusals == REFUSALS_MAX)
		return;
	tls->refusals++;
	gnutls_alert_send(tls->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
}

int bri_tls_read(struct bri_tls *tls, void *buffer, size_t size, size_t *ret_size)
{
	ssize_t n;
	int warnings = 0;

	if (tls->error)
		return -EPROTO;
	if (tls->closed)
		return BRI_TLS_ENDED;
	*ret_size = bri_tls_early_read(tls, buffer, size);
	if (*ret_size)
		return 0;
	do {
		n = receive(tls, buffer, size);
		if (n == GNUTLS_E_REHANDSHAKE)
			refuse(tls);
	} while (n < 0 && (n == GNUTLS_E_REHANDSHAKE || is_harmless(tls, (int)n)) &&
		 ++warnings <= WARNINGS_MAX);
	if (n > 0) {
		tls->in_idle = 0;
		*ret_size = (size_t)n;
		return 0;
	}
	if (n == 0) {
		tls->closed = true;
		return BRI_TLS_ENDED;
	}
	if (is_later(tls, (int)n))
		return is_flooded(tls) ? fail(tls, GNUTLS_E_HANDSHAKE_TOO_LARGE) : BRI_TLS_WAITS;
	return fail(tls, too_many((int)n));
}

int bri_tls_write(struct bri_tls *tls, const void *bytes, size_t size)
{
	ssize_t n;

	if (tls->error)
		return -EPROTO;
	if (tls->ended)
		return -EPIPE;
	if (size > BRI_TLS_RECORD_MAX)
		return -EMSGSIZE;
	n = gnutls_record_send(tls->session, bytes, size);
	if (n == GNUTLS_E_LARGE_PACKET)
		return -EMSGSIZE;
	if (n < 0)
		return fail(tls, (int)n);
	return 0;
}

void bri_tls_close(struct bri_tls *tls)
{
	if (tls->error || tls->ended || !tls->session)
		return;
	tls->ended = true;
	if (bri_tls_is_done(tls))
		gnutls_bye(tls->session, GNUTLS_SHUT_WR);
	else
		gnutls_alert_send(tls->session, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED);
}
