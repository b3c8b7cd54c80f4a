/* From the options of a connection and its far end to the engine's configuration. */
#include "api/tls_layer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/parameters.h"
#include "api/privacy_context.h"
#include "api/tls_cache.h"
#include "api/tls_options.h"
#include "base/clock.h"
#include "base/log.h"
#include "dispatch/data_internal.h"
#include "security/security.h"
#include "transport/sockaddr.h"

/* --- names --- */

static bool is_numeric(const char *host)
{
	struct in_addr v4;

	return strchr(host, ':') || inet_pton(AF_INET, host, &v4) == 1;
}

/* Without the scope of an address and the final dot of a name (RFC 6066 section 3). */
static char *plain_name(const char *host)
{
	size_t n = is_numeric(host) ? strcspn(host, "%") : strlen(host);

	if (n && host[n - 1] == '.')
		n--;
	return strndup(host, n);
}

static void fingerprint(const struct bri_identity *identity, char ret[static 65])
{
	uint8_t hash[32];

	ret[0] = '\0';
	if (!identity || gnutls_hash_fast(GNUTLS_DIG_SHA256, identity->chain[0]->der,
				 identity->chain[0]->size, hash) < 0)
		return;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/*
 * Sessions are resumed with the same server, under the same offer and as the same client. Whom the
 * client trusts is not part of it: that is judged anew. Privacy contexts know nothing of each
 * other.
 */
static char *cache_key_of(const struct bri_tls_layer *l, const struct bri_layer_env *env)
{
	const struct sec_protocol_options *sec = l->sec;
	nw_privacy_context_t privacy = env->parameters ? env->parameters->privacy_context : NULL;
	char me[65], *key = NULL, *longer;

	fingerprint(sec->identity, me);
	if (asprintf(&key, "%llu.%u %s %u %s %u %x-%x %zu %s",
		    privacy ? (unsigned long long)privacy->cache_id : 0ULL,
		    privacy ? bri_privacy_context_cache_epoch(privacy) : 0, env->host,
		    env->endpoint ? nw_endpoint_get_port(env->endpoint) : 0,
		    l->server_name ? l->server_name : "", l->is_datagram, sec->min_version,
		    sec->max_version, sec->n_suites, me) < 0)
		return NULL;
	for (size_t i = 0; key && i < sec->n_protocols + sec->n_suites; i++) {
		int n = i < sec->n_protocols ? asprintf(&longer, "%s/%s", key, sec->protocols[i])
					     : asprintf(&longer, "%s/%x", key,
						       sec->suites[i - sec->n_protocols]);

		free(key);
		key = n < 0 ? NULL : longer;
	}
	return key;
}

static bool may_resume(const struct bri_tls_layer *l)
{
	/* who the client is may change with each handshake: a challenge, a choice of keys */
	return !l->is_server && l->sec->resumption_enabled && l->sec->tickets_enabled &&
	       !l->sec->n_psks && !l->sec->handlers[BRI_SEC_CHALLENGE];
}

/* Address and port, in network order. */
static size_t peer_id_of(const union bri_sockaddr *remote, uint8_t ret[static 18])
{
	bool is_v6 = remote && remote->sa.sa_family == AF_INET6;
	size_t n = is_v6 ? 16 : 4;

	if (!remote || (!is_v6 && remote->sa.sa_family != AF_INET))
		return 0;
	memcpy(ret, is_v6 ? (const void *)&remote->in6.sin6_addr : &remote->in.sin_addr, n);
	memcpy(ret + n, is_v6 ? &remote->in6.sin6_port : &remote->in.sin_port, 2);
	return n + 2;
}

bool bri_tls_layer_admits(nw_protocol_options_t opts, const union bri_sockaddr *remote,
	const void *bytes, size_t size, uint8_t ret_reply[static BRI_PROTOCOL_REPLY_MAX],
	size_t *ret_size)
{
	const struct sec_protocol_options *sec = ((struct bri_tls_options *)opts)->sec;
	struct bri_tls_bytes in = { .bytes = bytes, .size = size };
	uint8_t id[18];
	struct bri_tls_bytes peer_id = { .bytes = id, .size = peer_id_of(remote, id) };
	gnutls_datum_t key = bri_sec_options_cookie_key(sec);

	return key.size && bri_tls_first(key, peer_id, in, bri_clock_now_ns(), ret_reply,
				   ret_size) == BRI_TLS_FIRST_WELCOME;
}

_Static_assert(BRI_TLS_FIRST_REPLY_MAX <= BRI_PROTOCOL_REPLY_MAX, "a cookie has room");

bool bri_tls_layer_names(struct bri_tls_layer *l, const struct bri_layer_env *env)
{
	const char *name = l->sec->server_name ? l->sec->server_name : env->host;

	l->peer_id_size = peer_id_of(env->remote, l->peer_id);
	if (l->is_server || !name || !*name)
		return true;
	l->trust_host = plain_name(name);
	/* RFC 6066 section 3: addresses are not names */
	if (!is_numeric(name))
		l->server_name = plain_name(name);
	if (!l->trust_host || (!is_numeric(name) && !l->server_name))
		return false;
	if (!may_resume(l))
		return true;
	l->cache_key = cache_key_of(l, env);
	return l->cache_key != NULL;
}

/* --- the configuration --- */

/* All that the engine copies, in one allocation's worth of arrays. */
struct setup {
	struct bri_tls_config config;
	struct bri_tls_bytes protocols[BRI_SEC_PROTOCOLS_MAX];
	struct bri_tls_psk *psks;
	dispatch_data_t *maps; /* of the keys, hint, parameters, early data; +1 each */
	size_t n_maps;
	char *hint;
	gnutls_datum_t ticket;
	bool may_be_early; /* with this ticket */
};

static struct bri_tls_bytes map_data(struct setup *s, dispatch_data_t data)
{
	const void *bytes = NULL;
	size_t size = 0;

	s->maps[s->n_maps++] = dispatch_data_create_map(data, &bytes, &size);
	return (struct bri_tls_bytes) { .bytes = bytes, .size = size };
}

static int set_keys(struct setup *s, const struct sec_protocol_options *sec)
{
	struct bri_tls_bytes hint;

	s->maps = calloc(2 * sec->n_psks + 3, sizeof(dispatch_data_t));
	s->psks = calloc(sec->n_psks + 1, sizeof(*s->psks));
	if (!s->maps || !s->psks)
		return -ENOMEM;
	for (size_t i = 0; i < sec->n_psks; i++) {
		s->psks[i].key = map_data(s, sec->psks[i].key);
		s->psks[i].identity = map_data(s, sec->psks[i].identity);
	}
	s->config.psks = s->psks;
	s->config.n_psks = sec->n_psks;
	if (sec->dh_params)
		s->config.dh_params = map_data(s, sec->dh_params);
	if (!sec->psk_hint)
		return 0;
	hint = map_data(s, sec->psk_hint);
	s->hint = strndup((const char *)hint.bytes, hint.size);
	s->config.psk_hint = s->hint;
	return s->hint ? 0 : -ENOMEM;
}

static void set_versions(struct setup *s, const struct bri_tls_layer *l)
{
	uint16_t min = l->sec->min_version, max = l->sec->max_version;

	s->config.min_version = min ? min : tls_protocol_version_TLSv12;
	s->config.max_version = max ? max : tls_protocol_version_TLSv13;
	/* there is no DTLS 1.3 here: whoever wants the newest gets the newest there is */
	if (l->is_datagram && s->config.min_version > tls_protocol_version_TLSv12)
		s->config.min_version = tls_protocol_version_TLSv12;
	/* a maximum of before the default minimum is a wish for that version */
	if (!min && s->config.max_version < s->config.min_version)
		s->config.min_version = s->config.max_version;
}

static void set_peer(struct setup *s, const struct bri_tls_layer *l)
{
	const struct sec_protocol_options *sec = l->sec;

	s->config.server = l->is_server;
	s->config.datagram = l->is_datagram;
	s->config.server_name = l->server_name;
	s->config.peer_id.bytes = l->peer_id;
	s->config.peer_id.size = l->peer_id_size;
	if (l->is_server && l->is_datagram)
		s->config.cookie_key = bri_sec_options_cookie_key(sec);
	if (sec->peer_authentication_required)
		s->config.clients = BRI_TLS_CLIENTS_MUST;
	else if (sec->peer_authentication_optional)
		s->config.clients = BRI_TLS_CLIENTS_MAY;
	s->config.asks_identity = l->is_server && sec->handlers[BRI_SEC_CHALLENGE];
	s->config.tickets = sec->tickets_enabled && (l->is_server || l->cache_key);
	if (l->is_server && s->config.tickets)
		s->config.ticket_key = bri_sec_options_ticket_key(sec);
	if (s->config.ticket_key.size && l->takes_early)
		s->config.replay = bri_sec_options_replay(sec);
	if (l->cache_key && bri_tls_cache_take(l->cache_key, &s->ticket, &s->may_be_early)) {
		s->config.resume.bytes = s->ticket.data;
		s->config.resume.size = s->ticket.size;
	}
}

/* No more of it than any server takes is made one piece. */
static void set_early(struct setup *s, dispatch_data_t early)
{
	dispatch_data_t first =
		bri_data_subrange(early, 0, bri_min_size(bri_data_size(early), BRI_TLS_EARLY_MAX));

	if (first)
		s->config.early = map_data(s, first);
	bri_object_release(first);
}

static int fill(struct setup *s, struct bri_tls_layer *l)
{
	const struct sec_protocol_options *sec = l->sec;
	int r;

	set_versions(s, l);
	set_peer(s, l);
	s->config.suites = sec->suites;
	s->config.n_suites = sec->n_suites;
	for (size_t i = 0; i < sec->n_protocols; i++)
		s->protocols[i] = (struct bri_tls_bytes) {
			.bytes = (const uint8_t *)sec->protocols[i],
			.size = strlen(sec->protocols[i]),
		};
	s->config.protocols = s->protocols;
	s->config.n_protocols = sec->n_protocols;
	s->config.false_start = sec->false_start_enabled;
	s->config.fallback = sec->is_fallback_attempt;
	bri_tls_job_attach(l, &s->config);
	r = set_keys(s, sec);
	if (r == 0 && l->early && s->may_be_early)
		set_early(s, l->early);
	return r;
}

static void fini(struct setup *s)
{
	for (size_t i = 0; i < s->n_maps; i++)
		bri_object_release(s->maps[i]);
	free(s->maps);
	free(s->psks);
	free(s->hint);
	gnutls_free(s->ticket.data);
}

int bri_tls_layer_setup(struct bri_tls_layer *l, uint64_t now_ns)
{
	struct setup s = { 0 };
	int r = fill(&s, l);

	if (r == 0)
		r = bri_tls_new(&s.config, now_ns, &l->tls);
	if (r == -EINVAL &&
		s.config.resume.size) { /* a ticket that GnuTLS does not like any more */
		s.config.resume.size = 0;
		r = bri_tls_new(&s.config, now_ns, &l->tls);
	}
	fini(&s);
	if (r < 0)
		return r;
	l->deadline_ns = bri_tls_deadline_ns(l->tls, now_ns);
	return l->sec->identity ? bri_tls_layer_set_identity(l, l->sec->identity) : 0;
}
